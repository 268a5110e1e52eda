"""Work is counted from specs, seconds are learned from what finished, queues are played through."""

import pytest

from engine import specs
from engine.plan.cost import Rates, Work, finish, rates_in, sizes_in, work_of
from engine.specs.passes import FORWARD, TO_PIXELS
from engine.specs.proposals import evaluation_at
from engine.store.study import Result
from tests.engine.conftest import GLYPHS, NETWORK, robust, training

NOBODY = frozenset()


def test_that_attack_steps_epochs_and_evaluations_count():
    standard = work_of(training())
    # 2 epochs of 200 images, after each 100 test images and 50 attacked with 3 steps; at the end
    # the answers once more, and a gradient of every attacked image. The last attack serves twice.
    evaluations = 3 * 100 * FORWARD + 2 * 50 * 3 * TO_PIXELS
    assert standard.passes == pytest.approx(2 * 200 + evaluations + 50 * TO_PIXELS)
    more = work_of(robust()).passes - standard.passes
    # After each epoch 50 images are attacked with one step and with ten, as large as in training.
    assert more == pytest.approx(2 * 200 * 3 * TO_PIXELS + 2 * 50 * (1 + 10) * TO_PIXELS)


def test_that_an_attack_that_is_the_evaluation_is_counted_once():
    apart = work_of(robust())
    same = work_of(robust(evaluation=evaluation_at("linf", 0.1)))
    assert apart.between - same.between == pytest.approx(50 * 3 * TO_PIXELS)


def test_that_validation_images_are_watched_instead_and_two_sets_of_weights_tested():
    held = work_of(training(images=GLYPHS.replace("validation", 0.2)))
    assert (held.images, held.batches) == (160, pytest.approx(160))
    assert held.between == pytest.approx(40 * FORWARD + 40 * 3 * TO_PIXELS)
    assert held.after == pytest.approx(2 * (100 * FORWARD + 50 * (3 + 1) * TO_PIXELS))


def test_that_fewer_images_attacked_after_each_epoch_cost_less():
    many, few = (work_of(robust(epoch_images=n)) for n in (50, 10))
    assert few.between < many.between
    assert few.watching < many.watching < 1
    assert few.after > many.after, "the last attack is on more images than were watched"


def test_that_passes_done_follow_from_the_epoch_that_is_announced():
    work = Work((("a",),), epochs=3, batches=10, between=4, after=5)
    assert work.done_at(0) == 0
    assert work.done_at(0.5) == 5
    assert work.done_at(1) == 10, "the evaluation after the first epoch is still to come"
    assert work.done_at(1.5) == 10 + 4 + 5
    assert work.done_at(3) == work.passes - 4 - 5


def test_that_sizes_are_asked_for_where_the_spec_does_not_tell():
    images = specs.FolderImages(name="a", digest="0" * 64, image_size=32)
    spec = training(images=images)
    assert work_of(spec, lambda _: (1000, 50)).images == 1000
    assert work_of(spec).passes > 0


def test_that_the_most_similar_is_asked_first():
    rates = Rates()
    small, large = training(), training(network=specs.SmallCNN(width=32))
    assert rates.seconds(work_of(small)) is None
    rates.learn(work_of(small), 10.0)
    assert rates.seconds(work_of(small)) == pytest.approx(10.0)
    ratio = work_of(robust()).passes / work_of(small).passes
    assert rates.seconds(work_of(robust())) == pytest.approx(10.0 * ratio)
    assert rates.seconds(work_of(large)) is None


def test_that_a_retraining_is_judged_by_trainings_until_one_has_finished():
    ranking = specs.RandomRanking(images=GLYPHS)
    spec = specs.Retraining(occlusion=specs.Occlusion(ranking=ranking), network=NETWORK)
    rates = Rates()
    rates.learn(work_of(training()), work_of(training()).passes * 2.0)
    assert rates.of(work_of(spec)) == pytest.approx(2.0)
    rates.learn(work_of(spec), work_of(spec).passes * 0.5)
    assert rates.of(work_of(spec)) == pytest.approx(0.5)


def test_that_what_was_measured_goes_before_older_records():
    earlier = Rates()
    earlier.learn(work_of(training()), 100.0)
    rates = Rates(earlier)
    assert rates.seconds(work_of(training())) == pytest.approx(100.0)
    rates.learn(work_of(training()), 5.0)
    assert rates.seconds(work_of(training())) == pytest.approx(5.0)
    assert earlier.seconds(work_of(training())) == pytest.approx(100.0)


def test_that_what_is_needed_once_does_not_grow_with_the_work():
    kind, other = ("maps", "n", "i"), ("n", "i")
    rates = Rates()
    rates.learn(Work((("training", "n", "i"), other), after=1e6), 100.0)
    rates.learn(Work((kind, other), after=8.0), 1.0)  # nearly all of it to begin and to write
    assert rates.seconds(Work((kind, other), after=4e5)) == pytest.approx(40, rel=0.2)
    assert rates.seconds(Work((kind, other), after=16.0)) == pytest.approx(2), "as the same kind"
    older = Rates(rates)
    older.learn(Work((kind,), after=8.0), 1.0)
    assert older.seconds(Work((kind, other), after=4e5)) == pytest.approx(40, rel=0.2)


def test_that_kinds_whose_work_is_not_told_take_as_long_as_others_of_their_kind():
    rates = Rates()
    rates.learn(work_of(specs.VAEGAN(images=GLYPHS)), 40.0)
    assert rates.seconds(work_of(specs.VAEGAN(images=GLYPHS, seed=1))) == pytest.approx(40.0)


def test_that_records_tell_rates_and_sizes(study):
    study.write(GLYPHS, Result({"train_images": 200, "test_images": 100}), seconds=1, provenance={})
    study.write(training(), Result({"loss": 0.1}), seconds=7.0, provenance={})
    assert sizes_in(study.entries) == {GLYPHS.key: (200, 100)}
    assert rates_in(study.entries).seconds(work_of(training(seed=3))) == pytest.approx(7.0)


@pytest.mark.parametrize(
    ("running", "waiting", "slots", "seconds"),
    [
        ({}, [], 2, 0),
        ({"a": 5}, [], 2, 5),
        ({"a": 5}, [("b", 3, NOBODY)], 2, 5),
        ({"a": 5}, [("b", 3, NOBODY)], 1, 8),
        ({"a": 5}, [("b", 3, frozenset("a"))], 2, 8),
        ({}, [("a", 10, NOBODY), ("b", 1, NOBODY), ("c", 1, NOBODY)], 2, 10),
        ({}, [("c", 4, frozenset("ab")), ("a", 1, NOBODY), ("b", 2, NOBODY)], 2, 6),
        ({}, [("a", 1, frozenset("gone"))], 1, 1),
    ],
)
def test_that_a_queue_is_played_through_with_its_slots_and_needs(running, waiting, slots, seconds):
    assert finish(running, waiting, slots) == pytest.approx(seconds)
