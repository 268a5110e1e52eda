import numpy as np
import pytest
import torch

from engine import specs
from engine.jobs.context import Cancelled, Context
from engine.jobs.events import ProbeMaps, Scalars
from engine.specs.schema import kinds_of
from engine.store.study import Study
from engine.training import loop
from engine.training.rates import rate_factor
from engine.training.schemes import SCHEMES
from engine.training.train import train
from tests.engine.conftest import GLYPHS, robust, training


def run(spec, study, emit=lambda event: None):
    return train(spec, Context(spec, study, torch.device("cpu"), emit))


def assert_same(first, second):
    assert first.numbers == second.numbers
    assert set(first.arrays) == set(second.arrays)
    for name, array in first.arrays.items():
        np.testing.assert_array_equal(array, second.arrays[name], err_msg=name)


def test_that_there_is_a_function_for_every_scheme():
    assert set(SCHEMES) == {kind.kind for kind in kinds_of(specs.SchemeSpec)}


@pytest.mark.parametrize("make", [training, robust])
def test_that_the_same_spec_gives_the_same_bits(study, make):
    torch.manual_seed(1)
    first = run(make(), study)
    torch.manual_seed(2)
    np.random.seed(3)
    assert_same(first, run(make(), study))


def test_that_another_seed_gives_another_network(study):
    first, second = run(training(), study), run(training(seed=1), study)
    name = "weights/network.conv1.weight"
    assert not np.array_equal(first.arrays[name], second.arrays[name])


DROPPING = {"network": specs.TradesCNN(), "images": specs.Glyphs(train=100, test=50)}


def test_that_dropout_draws_from_the_training_s_own_generator(study, computed, tmp_path):
    """Also beside other trainings, and after a stop: its generator is in the checkpoint."""
    alone = run(training(**DROPPING), Study(tmp_path / "alone", create=True))
    before = torch.random.get_rng_state()
    assert_same(alone, run(training(**DROPPING), study))
    assert torch.equal(torch.random.get_rng_state(), before)
    record, *_ = computed(training(**DROPPING), training(**DROPPING, seed=1), slots=2)
    assert_same(alone, record)


FREE = {"scheme": specs.FreeAT(eps=0.1, replays=3)}  # its perturbation is in the checkpoint
NOISY = {"scheme": specs.NoisyFGSM(eps=0.1)}
MOVED = {"scheme": specs.TRADES(attack=specs.PGD(eps=0.1, steps=2), awp=0.01)}


@pytest.mark.parametrize(
    "changes", [DROPPING, FREE, NOISY, MOVED], ids=["dropout", "free_at", "n_fgsm", "awp"]
)
def test_that_a_killed_training_of_any_kind_resumes_to_the_same_bits(changes, study, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    spec = training(**changes, epochs=3)
    whole = run(spec, study)
    study.drop_checkpoint(spec)

    def stop_after_an_epoch(event):
        if isinstance(event, Scalars) and event.step > 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(spec, study, stop_after_an_epoch)
    assert study.checkpoint(spec).documents["fit"]["epoch"] == 1
    assert_same(whole, run(spec, study))


def test_that_a_last_batch_of_one_image_is_no_obstacle(study):
    """Batch norms see one value a channel there, in the last blocks at 28x28 px."""
    network = specs.Torchvision(name="resnet18")
    images = specs.Glyphs(train=21, test=20)
    found = run(training(network=network, images=images, batch_size=20, epochs=1), study)
    assert np.isfinite(found.arrays["weights/network.fc.weight"]).all()


def test_that_what_runs_beside_it_changes_nothing(study, computed, tmp_path):
    alone = run(robust(), Study(tmp_path / "alone", create=True))
    record, *_ = computed(robust(), training(), training(seed=1), training(seed=2), slots=4)
    assert_same(alone, record)


@pytest.mark.parametrize(
    "optimizer",
    [
        specs.Adam(),
        specs.SGD(learning_rate=0.05, nesterov=True, weight_decay=1e-4, schedule="cyclic"),
    ],
)
def test_that_a_killed_training_resumes_to_the_same_bits(study, monkeypatch, optimizer):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    spec = robust(epochs=3, optimizer=optimizer)
    whole = run(spec, study)
    study.drop_checkpoint(spec)
    points = 0

    def stop_in_second_epoch(event):
        nonlocal points
        points += isinstance(event, Scalars) and "loss" in event.values
        if points == 6:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(spec, study, stop_in_second_epoch)
    assert study.checkpoint(spec).documents["fit"]["epoch"] == 1
    events = []
    resumed = run(spec, study, events.append)
    assert_same(whole, resumed)
    steps = [e.step for e in events if isinstance(e, Scalars) and "loss" in e.values]
    assert steps[0] <= 0.3, "a resumed training repeats its curve from the beginning"


def test_that_a_record_holds_curves_accuracies_and_maps(study):
    result = run(training(), study)
    assert set(result.numbers) >= {"clean_accuracy", "robust_accuracy", "loss", "robust_images"}
    assert result.numbers["robust_images"] == 50
    assert result.arrays["epochs/step"].tolist() == [1, 2]
    assert result.arrays["curve/step"][-1] == 2
    maps = result.arrays["probes/attributions"]
    assert maps.shape == (3, 8, 1, 28, 28)
    assert np.abs(maps).max() > 0
    assert result.arrays["probes/images"].shape == (8, 1, 28, 28)
    assert len(set(result.arrays["probes/labels"].tolist())) == 8


def test_that_probe_maps_are_sent_while_training(study):
    events = []
    run(training(), study, events.append)
    maps = [e for e in events if isinstance(e, ProbeMaps)]
    assert maps[-1].step == 2
    assert maps[-1].attributions.dtype == np.float32


def test_that_training_learns(study):
    spec = training(images=GLYPHS.replace("train", 1000), epochs=6)
    assert run(spec, study).numbers["clean_accuracy"] > 0.6


def test_that_a_learning_rate_that_explodes_is_named(computed):
    (message,) = computed(
        training(optimizer=specs.SGD(learning_rate=100.0), epochs=5), expect_failure=True
    )
    assert "optimizer.learning_rate is 100" in message


def test_that_a_network_the_images_do_not_fit_is_named(computed):
    images = specs.Gaussians2D(per_class=50)
    (message,) = computed(training(images=images), expect_failure=True)
    assert "Small CNN" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("schedule", "progress", "factor"),
    [
        ("constant", 0.9, 1.0),
        ("cosine", 0.0, 1.0),
        ("cosine", 0.5, 0.5),
        ("step", 0.49, 1.0),
        ("step", 0.5, 0.1),
        ("step", 0.75, 0.01),
        ("cyclic", 0.0, 0.0),
        ("cyclic", 0.5, 1.0),
    ],
)
def test_that_schedules_follow_their_definition(schedule, progress, factor):
    spec = specs.Adam(schedule=schedule)
    assert rate_factor(spec, progress) == pytest.approx(factor)


def test_that_an_imported_file_gives_the_same_accuracies(study, computed, tmp_path):
    import hashlib

    from safetensors.numpy import save_file

    (trained,) = computed(training())
    path = tmp_path / "mine.safetensors"
    prefix = "weights/"
    save_file(
        {k.removeprefix(prefix): v for k, v in trained.arrays.items() if k.startswith(prefix)}, path
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    study.set_location(digest, path)
    base = training()
    spec = specs.Imported(
        images=base.images,
        network=base.network,
        evaluation=base.evaluation,
        evaluation_images=50,
        name="mine",
        digest=digest,
    )
    (imported,) = computed(spec)
    told = [(e.done, e.total) for e in computed.told if e.what == "images attacked"]
    assert told[-1] == (50, 50)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    for name in ("clean_accuracy", "robust_accuracy"):
        assert imported.numbers[name] == trained.numbers[name]
    wrong = spec.replace("network", specs.SmallCNN(width=5, hidden=16)).replace("name", "wrong")
    (message,) = computed(wrong, expect_failure=True)
    assert "mine.safetensors" in message
