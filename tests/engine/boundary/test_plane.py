import numpy as np
import pytest
import torch

from engine import specs
from engine.boundary.plane import boundary, look, zero_line
from engine.jobs.context import Context
from engine.jobs.events import Snapshot
from engine.store.study import Study
from engine.training.train import train

NETWORK = specs.Training(
    images=specs.Gaussians2D(per_class=60), network=specs.PaperMLP(), epochs=2, batch_size=40
)
ATTACK = specs.PGD(norm="l2", eps=0.2, step_size=1.0, steps=3)
SPEC = specs.Boundary(classifier=NETWORK, attack=ATTACK, grid=15, attacked_points=6)


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "plane.isthmus", create=True)


def context(study, spec=SPEC, emit=lambda event: None):
    return Context(spec, study, torch.device("cpu"), emit)


def stored(study, events=None):
    """Train the network and store its record."""
    heard = [] if events is None else events
    result = train(NETWORK, context(study, NETWORK, heard.append))
    study.write(NETWORK, result, seconds=1.0, provenance={})
    return result


def test_that_the_zero_line_of_a_plane_is_straight_and_complete():
    axis = np.linspace(0, 1, 9)
    x, y = np.meshgrid(axis, axis)
    pieces = zero_line(axis, x + 2 * y - 1.1)
    np.testing.assert_allclose(pieces[:, 0] + 2 * pieces[:, 1], 1.1)
    np.testing.assert_allclose(pieces[:, 2] + 2 * pieces[:, 3], 1.1)
    lengths = np.hypot(pieces[:, 2] - pieces[:, 0], pieces[:, 3] - pieces[:, 1])
    # From (1, 0.05) to (0, 0.55).
    assert lengths.sum() == pytest.approx(np.hypot(1.0, 0.5))


def test_that_a_function_of_one_sign_has_no_zero_line():
    assert zero_line(np.linspace(0, 1, 4), np.ones((4, 4))).shape == (0, 4)


def test_that_a_saddle_is_cut_into_two_lines():
    pieces = zero_line(np.array([0.0, 1.0]), np.array([[1.0, -1.0], [-1.0, 1.0]]))
    assert len(pieces) == 2


def test_that_a_look_at_a_stored_network_says_what_its_record_says(study):
    stored(study)
    record = boundary(SPEC, context(study))
    seen = look(SPEC, context(study))
    assert seen.numbers == record.numbers
    assert set(seen.arrays) == {*record.arrays, "zero_line"}
    for name, array in record.arrays.items():
        np.testing.assert_array_equal(seen.arrays[name], array)


def test_that_a_quick_look_attacks_the_first_points_only(study):
    stored(study)
    full, quick = look(SPEC, context(study)), look(SPEC, context(study), points=20)
    assert (full.numbers["test_points"], quick.numbers["test_points"]) == (120, 20)
    np.testing.assert_allclose(quick.arrays["adv_points"], full.arrays["adv_points"], atol=1e-6)
    assert quick.numbers["angle_degrees"] == full.numbers["angle_degrees"]


def test_that_another_attack_moves_points_of_the_same_plane(study):
    stored(study)
    shared = context(study)
    first = look(SPEC, shared)
    second = look(SPEC.replace("attack.eps", 0.05), shared)
    np.testing.assert_array_equal(first.arrays["grid_logits"], second.arrays["grid_logits"])
    for found, eps in ((first, 0.2), (second, 0.05)):
        way = found.arrays["adv_points"] - found.arrays["attacked_points"]
        assert np.linalg.norm(way, axis=1).max() == pytest.approx(eps, rel=1e-3)


def test_that_training_in_the_plane_sends_its_weights_from_the_first_to_the_last(study):
    events = []
    result = stored(study, events)
    shots = [event for event in events if isinstance(event, Snapshot)]
    assert [shot.step for shot in shots][:2] == [0, pytest.approx(1 / 3)]
    assert shots[-1].step == 2
    for name, array in shots[-1].weights.items():
        np.testing.assert_array_equal(array, result.arrays[name])


def test_that_a_look_at_the_last_weights_is_one_at_the_record(study):
    events = []
    stored(study, events)
    last = [event for event in events if isinstance(event, Snapshot)][-1]
    seen = look(SPEC, context(study), weights=last.weights)
    assert seen.numbers == look(SPEC, context(study)).numbers


def test_that_networks_of_images_send_no_weights(study):
    spec = specs.Training(
        images=specs.Glyphs(train=10, test=10), network=specs.SmallCNN(width=2, hidden=2), epochs=1
    )
    events = []
    train(spec, context(study, spec, events.append))
    assert not any(isinstance(event, Snapshot) for event in events)
