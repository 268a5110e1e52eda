"""Retrainings computed as one: each must be what it is alone."""

import numpy as np
import pytest
import torch

from engine import specs
from engine.jobs.context import Cancelled, Context
from engine.retraining import retrain, together
from engine.retraining.together import alike, retrain_together
from engine.training.together.stack import STACKED, Stack
from tests.engine.conftest import GLYPHS, training
from tests.engine.training.stopping import leave_after

CPU = torch.device("cpu")
SMALL = specs.SmallCNN(width=4, hidden=16)
RANDOM = specs.RandomRanking(images=GLYPHS)
FIELDS = {
    "adam": {"optimizer": specs.Adam()},
    "sgd cosine": {"optimizer": specs.SGD(learning_rate=0.05, schedule="cosine", momentum=0.9)},
    "released adam": {"optimizer": specs.Adam(form="released")},
    "short last batch": {"batch_size": 70},
    "in stored order": {"order": "file"},
    "silu": {"network": specs.SmallCNN(width=4, hidden=16, activation="silu")},
    "points of one pixel": {"network": specs.PaperMLP()},
}


def retraining(seed=0, ranking=RANDOM, mode="roar", fraction=0.5, **fields):
    occlusion = specs.Occlusion(
        ranking=ranking, mode=mode, fraction_removed=fraction,
        content=fields.pop("content", "image"), form=fields.pop("form", "corrected"),
    )  # fmt: skip
    settings = {"network": SMALL, "epochs": 2, "batch_size": 40, **fields}
    return specs.Retraining(occlusion=occlusion, seed=seed, **settings)


def different(**fields):
    """Return members that differ in all that members may differ in."""
    other = specs.RandomRanking(images=GLYPHS, seed=5)
    return [
        retraining(0, **fields),
        retraining(1, other, fraction=0.3, **fields),
        retraining(2, mode="kar", fraction=0.8, **fields),
        retraining(3, other, "kar", 1.0, **{**fields, "form": "released"}),
    ]


def contexts_of(members, study, emit=lambda event: None):
    return [Context(spec, study, CPU, emit) for spec in members]


def computed_together(contexts):
    found = {}

    def ended(context, outcome):
        assert context.spec.key not in found
        found[context.spec.key] = outcome

    retrain_together(contexts, ended)
    return [found[context.spec.key] for context in contexts]


@pytest.fixture
def in_float64(monkeypatch):
    """Compute in float64, where another order of sums changes nothing that could grow."""
    drawn, unit = retrain.fresh_network, retrain.as_unit
    monkeypatch.setattr(retrain, "fresh_network", lambda *a, **k: drawn(*a, **k).double())
    for module in (retrain, together):
        monkeypatch.setattr(module, "as_unit", lambda images: unit(images).double())


def weights_in(study, spec):
    return study.checkpoint(spec).arrays


@pytest.mark.parametrize("name", FIELDS)
def test_that_every_member_is_what_it_is_alone(name, study, in_float64, monkeypatch):
    monkeypatch.setattr(retrain.Checkpoints, "save_if_due", retrain.Checkpoints.save)
    members = different(**FIELDS[name])
    alone, saved = [], []
    for spec in members:
        alone.append(retrain.retrain(spec, Context(spec, study, CPU, lambda event: None)))
        saved.append(weights_in(study, spec))
        study.drop_checkpoint(spec)
    begun = {}
    original = together.begin
    monkeypatch.setattr(
        together, "begin", lambda spec, c: begun.setdefault(spec.key, original(spec, c))
    )
    results = computed_together(contexts_of(members, study))
    for spec, expected, found, arrays in zip(members, alone, results, saved, strict=True):
        assert found.numbers == expected.numbers
        for curve, values in expected.arrays.items():
            np.testing.assert_allclose(found.arrays[curve], values, rtol=1e-10)
        for entry, tensor in begun[spec.key].state.model.state_dict().items():
            np.testing.assert_allclose(tensor, arrays[f"weights/{entry}"], rtol=1e-8, atol=1e-10)


def test_that_masks_of_the_released_code_and_shapes_alone_are_the_same_too(study, in_float64):
    drawn = RANDOM.replace("form", "released")
    for content in ("image", "mask"):
        members = [retraining(seed, ranking, content=content, epochs=1, form="released")
                   for seed, ranking in enumerate((RANDOM, drawn, drawn))]  # fmt: skip
        alone = [retrain.retrain(spec, context) for spec, context in
                 zip(members, contexts_of(members, study), strict=True)]  # fmt: skip
        for expected, found in zip(
            alone, computed_together(contexts_of(members, study)), strict=True
        ):
            assert found.numbers == expected.numbers
            loss = expected.arrays["curve/loss"]
            np.testing.assert_allclose(found.arrays["curve/loss"], loss, rtol=1e-10)


def test_that_a_member_goes_on_from_its_own_checkpoint(study, in_float64, monkeypatch):
    members = different(epochs=3)
    unbroken = computed_together(contexts_of(members, study))
    leave_after(monkeypatch, 1, lambda: computed_together(contexts_of(members, study)))
    leave_after(monkeypatch, 2, lambda: computed_together(contexts_of(members[1:], study)))
    # The first one stands at epoch 1, the others at 2: they are trained in two stacks.
    assert {int(study.checkpoint(one).documents["fit"]["epoch"]) for one in members} == {1, 2}
    resumed = computed_together(contexts_of(members, study))
    for expected, found in zip(unbroken, resumed, strict=True):
        assert found.numbers == expected.numbers
        for curve, values in expected.arrays.items():
            np.testing.assert_allclose(found.arrays[curve], values, rtol=1e-10)
    # What a stack saved, one alone goes on with.
    alone = retrain.retrain(members[1], contexts_of(members, study)[1])
    assert alone.numbers == unbroken[1].numbers
    np.testing.assert_allclose(
        alone.arrays["curve/loss"], unbroken[1].arrays["curve/loss"], rtol=1e-10
    )


def test_that_a_cancelled_member_leaves_and_the_others_do_not_notice(study, in_float64):
    members = different()
    undisturbed = computed_together(contexts_of(members, study))
    contexts = contexts_of(members, study)
    points = []
    original = Stack._on_sum

    def cancelling(self, step, total, seen):
        original(self, step, total, seen)
        points.append(step)
        if len(points) == 3:
            contexts[2].control.cancel()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stack, "_on_sum", cancelling)
        found = computed_together(contexts)
    assert isinstance(found[2], Cancelled)
    for place in (0, 1, 3):
        assert found[place].numbers == undisturbed[place].numbers
        for curve, values in undisturbed[place].arrays.items():
            np.testing.assert_array_equal(found[place].arrays[curve], values)


def test_that_it_ends_when_all_are_cancelled(study):
    contexts = contexts_of(different(epochs=1000), study)
    for context in contexts:
        context.emit = lambda event: [one.control.cancel() for one in contexts]
    assert all(isinstance(outcome, Cancelled) for outcome in computed_together(contexts))


def test_that_a_member_of_nan_changes_no_bit_of_another(study, monkeypatch):
    members = different()
    clean = computed_together(contexts_of(members, study))
    original = together.begin

    def poisoned(spec, context):
        begun = original(spec, context)
        if spec == members[1]:
            with torch.no_grad():
                for parameter in begun.state.model.parameters():
                    parameter.fill_(torch.nan)
        return begun

    monkeypatch.setattr(together, "begin", poisoned)
    found = computed_together(contexts_of(members, study))
    assert np.isnan(found[1].arrays["curve/loss"]).all()
    for place in (0, 2, 3):
        assert found[place].numbers == clean[place].numbers
        np.testing.assert_array_equal(
            found[place].arrays["curve/loss"], clean[place].arrays["curve/loss"]
        )


def test_that_a_member_that_cannot_begin_fails_alone(study):
    ranking = specs.AttributionRanking(classifier=training(), attribution=specs.Gradient())
    fails = retraining(9, ranking)  # its classifier was never trained
    found = computed_together(contexts_of([*different(), fails], study))
    assert all(isinstance(outcome, retrain.Result) for outcome in found[:4])
    assert isinstance(found[4], Exception)


def test_that_halves_are_tried_when_memory_runs_out(study, monkeypatch):
    widths = []
    original = Stack.run

    def short(self):
        widths.append(len(self._members))
        if len(self._members) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        original(self)

    monkeypatch.setattr(Stack, "run", short)
    members = [*different(), retraining(4)]
    found = computed_together(contexts_of(members, study))
    assert all(isinstance(outcome, retrain.Result) for outcome in found)
    assert widths == [5, 3, 2, 1, 2]


def test_that_one_alone_that_does_not_fit_fails(study, monkeypatch):
    def short(self):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Stack, "run", short)
    found = computed_together(contexts_of(different(), study))
    assert all(isinstance(outcome, torch.OutOfMemoryError) for outcome in found)


def test_what_is_alike():
    first = retraining()
    assert all(alike(first, other) for other in different())
    for field, value in {
        "epochs": 3,
        "batch_size": 50,
        "order": "file",
        "precision": "tf32",
        "optimizer": specs.SGD(),
        "network": specs.SmallCNN(width=8, hidden=16),
    }.items():
        assert not alike(first, first.replace(field, value)), field
    assert not alike(first, retraining(content="mask"))
    assert not alike(first, retraining(ranking=specs.RandomRanking(images=specs.Glyphs())))
    resnet = retraining(network=specs.ResNet18())
    assert "resnet18" not in STACKED
    assert not alike(resnet, resnet)
