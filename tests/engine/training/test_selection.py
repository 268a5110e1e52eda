"""The best epoch is chosen by validation images; both sets of weights are stored and measured."""

import numpy as np
import pytest
import torch

from engine import specs
from engine.jobs.classifiers import classifier
from engine.jobs.context import Cancelled, Context
from engine.jobs.events import Scalars
from engine.specs.schema import SpecError
from engine.training import evaluation, loop, selection, train
from engine.training.evaluation import robust_accuracy
from tests.engine.conftest import GLYPHS, robust, training

HELD = GLYPHS.replace("validation", 0.2)
# A rate so high that the last epoch is rarely the best one.
JUMPY = specs.Adam(learning_rate=0.02)


def run(spec, study, emit=lambda event: None):
    return train.train(spec, Context(spec, study, torch.device("cpu"), emit))


def named(result, group):
    start = f"{group}/"
    return {n.removeprefix(start): a for n, a in result.arrays.items() if n.startswith(start)}


@pytest.fixture
def jumpy():
    return robust(images=HELD, optimizer=JUMPY, epochs=5)


def test_that_without_a_part_curves_are_of_test_images_and_nothing_is_chosen(study):
    result = run(robust(), study)
    assert result.numbers["curves_on"] == "test images"
    assert result.numbers["validation_images"] == 0
    assert not any("best" in name for name in (*result.numbers, *result.arrays))
    assert result.arrays["epochs/clean_accuracy"][-1] == result.numbers["clean_accuracy"]


def test_that_curves_are_of_validation_images_and_numbers_of_test_images(study, jumpy, monkeypatch):
    seen = []
    for module, name in ((train, "accuracies"), (selection, "final_accuracies")):
        real = getattr(module, name)

        def accuracies(model, part, *rest, real=real):
            seen.append(len(part[0]))
            return real(model, part, *rest)

        monkeypatch.setattr(module, name, accuracies)
    numbers = run(jumpy, study).numbers
    assert seen[:5] == [40] * 5
    assert set(seen[5:]) == {100}
    assert (numbers["validation_images"], numbers["clean_images"]) == (40, 100)
    assert numbers["curves_on"] == "validation images"


@pytest.mark.parametrize("make", [training, robust])
def test_that_the_first_highest_epoch_is_the_best(study, make):
    result = run(make(images=HELD, optimizer=JUMPY, epochs=5), study)
    name = "robust_accuracy" if make is robust else "clean_accuracy"
    curve = result.arrays[f"epochs/{name}"]
    assert result.numbers["best_epoch"] == 1 + int(np.argmax(curve))


def test_that_the_stored_best_weights_have_the_numbers_that_are_said(study, computed, jumpy):
    (record,) = computed(jumpy)
    assert record.numbers["best_epoch"] < 5, "or the test would compare the last epoch with itself"
    context = Context(jumpy, study, torch.device("cpu"), lambda event: None)
    model = classifier(context, jumpy)
    images = train.trainable(context, HELD)
    measured = {}
    for group in ("weights", "best"):
        loop.load_weights(model, {n: np.array(a) for n, a in named(record, group).items()})
        pixels, labels = images.test[:50], images.test_labels[:50]
        measured[group] = robust_accuracy(model, pixels, labels, jumpy.evaluation, context)
    assert measured["weights"] == record.numbers["robust_accuracy"]
    assert measured["best"] == record.numbers["best_robust_accuracy"]


def test_that_a_training_may_be_its_best_weights(study, computed, jumpy):
    last, best = computed(jumpy, jumpy.replace("weights", "best"))
    assert best.spec.title == f"{last.spec.title}, best epoch"
    for first, second in (("best", "weights"), ("weights", "last")):
        assert named(last, first).keys() == named(best, second).keys()
        for name, array in named(last, first).items():
            np.testing.assert_array_equal(named(best, second)[name], array)
    for name in ("clean_accuracy", "robust_accuracy"):
        assert best.numbers[name] == best.numbers[f"best_{name}"] == last.numbers[f"best_{name}"]
        assert best.numbers[f"last_{name}"] == last.numbers[name]
    context = Context(best.spec, study, torch.device("cpu"), lambda event: None)
    loaded = classifier(context, best.spec).state_dict()
    for name, array in named(last, "best").items():
        np.testing.assert_array_equal(loaded[name].numpy(), array)


def test_that_a_killed_training_keeps_its_best_weights(study, monkeypatch, jumpy):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    whole = run(jumpy, study)
    study.drop_checkpoint(jumpy)

    def stop(event):
        if isinstance(event, Scalars) and event.step > whole.numbers["best_epoch"] + 0.9:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(jumpy, study, stop)
    resumed = run(jumpy, study)
    assert resumed.numbers == whole.numbers
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(resumed.arrays[name], array, err_msg=name)


def test_that_one_step_and_many_steps_of_the_attack_in_training_are_recorded(study):
    arrays = run(robust(), study).arrays
    one, many = arrays["epochs/one_step_accuracy"], arrays["epochs/many_step_accuracy"]
    assert len(one) == len(many) == 2
    assert (many <= one).all()
    assert "epochs/one_step_accuracy" not in run(training(), study).arrays
    harmless = robust().replace("scheme.attack.eps", 0.0)
    assert "epochs/one_step_accuracy" not in run(harmless, study).arrays


def test_that_a_checkpoint_from_before_the_comparison_goes_on(study, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    spec = robust(epochs=3)

    def stop(event):
        if isinstance(event, Scalars) and event.step > 1.9:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(spec, study, stop)
    content = study.checkpoint(spec)
    old = {n: np.array(a) for n, a in content.arrays.items() if "_step_" not in n}
    context = Context(spec, study, torch.device("cpu"), lambda event: None)
    context.save_checkpoint(content.documents, old)
    one = run(spec, study).arrays["epochs/one_step_accuracy"]
    assert np.isnan(one).tolist() == [True, False, False]


def test_that_best_weights_without_validation_images_are_one_sentence(computed):
    with pytest.raises(SpecError, match=r"images.validation is 0, must be above 0"):
        training(weights="best")
    tiny = specs.Glyphs(train=10, test=10, validation=0.1)
    (message,) = computed(training(images=tiny, weights="best"), expect_failure=True)
    assert "there are no validation images" in message
    assert training().key == training(weights="last").key


def attacked(spec, study, monkeypatch):
    """Train; return the numbers and how many images each evaluation attacked with its attack."""
    seen, real = [], evaluation.robust_accuracy

    def counted(model, images, labels, attack, context, **options):
        if attack == spec.evaluation:
            seen.append(len(images))
        return real(model, images, labels, attack, context, **options)

    monkeypatch.setattr(evaluation, "robust_accuracy", counted)
    return run(spec, study).numbers, seen


def test_that_the_last_epochs_attack_is_the_final_one_where_they_are_alike(study, monkeypatch):
    spec = robust(epochs=2)
    numbers, seen = attacked(spec, study, monkeypatch)
    assert seen == [50, 50]
    known = {"robust_accuracy": 2.0, "robust_images": 49, "clean_images": 50}
    monkeypatch.setattr(train, "accuracies", lambda *rest: {"clean_accuracy": 0.0, **known})
    afresh, _ = attacked(spec, study, monkeypatch)
    assert numbers == afresh


def test_that_another_number_of_images_or_another_part_is_attacked_anew(study, monkeypatch):
    fewer = robust(epochs=2, epoch_images=20)
    assert attacked(fewer, study, monkeypatch)[1] == [20, 20, 50]
    elsewhere = robust(epochs=1, images=HELD)
    assert attacked(elsewhere, study, monkeypatch)[1] == [40, 50]
