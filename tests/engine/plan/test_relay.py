"""What a worker sends of its events: how exact, how often, and how much."""

import numpy as np
import pytest

from engine.jobs.events import (
    Ended,
    Notice,
    ProbeMaps,
    Progress,
    Reconstructions,
    Scalars,
    Snapshot,
    Started,
)
from engine.plan.sharing import relay as relay_module
from engine.plan.sharing.relay import (
    MOST_BYTES,
    TOO_LARGE,
    Relay,
    event_from,
    packed_from,
    seconds_between,
)

GENERATOR = np.random.default_rng(0)


def maps(side=32, count=8, step=1.5, key="key"):
    shape = (count, 3, side, side)
    images = GENERATOR.integers(0, 256, shape, dtype=np.uint8)
    sizes = 10.0 ** np.arange(-9, count - 9).reshape(-1, 1, 1, 1)
    return ProbeMaps(key, step, images, (GENERATOR.normal(size=shape) * sizes).astype(np.float32))


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        seconds = 0.0

        def monotonic(self):
            return self.seconds

    found = Clock()
    monkeypatch.setattr(relay_module, "time", found)
    return found


@pytest.fixture
def sent():
    return []


def sender(sent, pictures=1.0):
    return Relay(lambda kind, packed: sent.append(event_from(kind, packed)), "worker 3", pictures)


def sizes_of(value):
    """Return the bytes of what dask would carry, which must be of types that it carries."""
    if isinstance(value, dict):
        return sum(sizes_of(one) for one in value.values())
    if isinstance(value, list):
        return sum(sizes_of(one) for one in value)
    assert type(value) in (bytes, str, int, float), type(value)
    return len(value) if isinstance(value, bytes) else 8


def test_that_maps_arrive_with_their_images_and_three_digits(sent, clock):
    told = maps()
    sender(sent)(told)
    (found,) = sent
    assert (type(found), found.key, found.step) == (ProbeMaps, "key", 1.5)
    np.testing.assert_array_equal(found.images, told.images)
    assert (found.images.dtype, found.attributions.dtype) == (np.uint8, np.float32)
    largest = np.abs(told.attributions).max((1, 2, 3), keepdims=True)
    assert (np.abs(found.attributions - told.attributions) <= 5e-4 * largest).all()


def test_that_maps_of_nothing_and_of_nan_stay_so(sent, clock):
    told = maps(count=3)
    told.attributions[0], told.attributions[1, 0, 0, 0] = 0.0, np.nan
    sender(sent)(told)
    assert not sent[0].attributions[0].any()
    assert np.isnan(sent[0].attributions[1]).any()
    assert np.isfinite(sent[0].attributions[2]).all()


def test_that_pictures_of_a_generator_and_weights_of_the_plane_arrive(sent, clock):
    parts = [GENERATOR.random((4, 1, 8, 8), dtype=np.float32) for _ in range(2)]
    images = np.zeros((4, 1, 8, 8), np.uint8)
    sender(sent)(Reconstructions("a", 2.0, images, *parts))
    weights = {"weights/a": GENERATOR.normal(size=(3, 2)), "weights/n": np.array(7)}
    sender(sent)(Snapshot("b", 2.0, weights))
    np.testing.assert_allclose(sent[0].reconstructions, parts[0], atol=5e-4)
    np.testing.assert_allclose(sent[0].samples, parts[1], atol=5e-4)
    for name, array in weights.items():
        np.testing.assert_array_equal(sent[1].weights[name], array)
        assert sent[1].weights[name].dtype == array.dtype


@pytest.mark.parametrize(("side", "count"), [(28, 8), (32, 8), (48, 4), (100, 1)])
def test_that_a_picture_has_as_many_images_as_fit(side, count):
    packed = packed_from(maps(side))
    assert event_from("ProbeMaps", packed).images.shape[0] == count
    assert event_from("ProbeMaps", packed).attributions.shape[0] == count
    assert sizes_of(packed) <= MOST_BYTES + 500


def test_that_what_is_too_large_is_said_once_and_not_sent(sent, clock):
    tell = sender(sent)
    for second in range(3):
        clock.seconds = 10.0 * second
        tell(maps(224))
        tell(Snapshot("plane", 1.0, {"weights/a": np.zeros(MOST_BYTES, np.float32)}))
    assert sent == [Notice("key", TOO_LARGE), Notice("plane", TOO_LARGE)]


def test_that_pictures_and_progress_come_at_a_bounded_rate(sent, clock):
    tell = sender(sent, pictures=5.0)
    for tick in range(2_000):  # 20 s of 100 a second, also at whole epochs
        clock.seconds = tick / 100
        tell(maps(8, step=float(tick)))
        tell(maps(8, step=float(tick), key="other"))
        tell(Progress("key", tick, 2_000))
        tell(Scalars("key", tick / 1000, {"loss": np.float32(1.0)}))
    kinds = [type(event) for event in sent]
    assert kinds.count(ProbeMaps) == 2 * 4
    assert kinds.count(Progress) == 20
    assert kinds.count(Scalars) == 22  # those of epochs 0 and 1 come beside the others
    assert [seconds_between(count) for count in (0, 1, 8, 80)] == [1.0, 1.0, 1.0, 10.0]


def test_that_no_picture_is_sent_where_nobody_looks(sent):
    tell = sender(sent, pictures=0.0)
    tell(maps())
    tell(Started("key", "training", "a", "isthmus-0"))
    tell(Ended("key", "failed", 1.0, "no"))
    assert sent == [Started("key", "training", "a", "worker 3"), Ended("key", "failed", 1.0, "no")]
    assert tell.failed == {"key": "no"}
