"""Computations that the queue does together: each keeps its record, its end and its events."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine import specs
from engine.jobs.events import Ended, Progress, Started
from engine.plan import bundles, running, scheduler
from engine.plan.scheduler import Scheduler, Slots, slots_on
from engine.plan.slots import MOST_TOGETHER
from engine.store.study import Result
from engine.training.together.stack import Stack
from tests.engine.conftest import GLYPHS, training

ONE = Slots(torch.device("cpu"), 1, 1)
WIDE = replace(ONE, width=4)
RANDOM = specs.RandomRanking(images=GLYPHS)


@pytest.fixture(autouse=True)
def float32_together(monkeypatch):
    """On a CPU there is no other precision."""
    for kind, row in bundles.BUNDLED.items():
        widths = {**row.widths, "float32": 64}
        monkeypatch.setitem(bundles.BUNDLED, kind, replace(row, widths=widths))


def retrainings(count, **fields):
    occlusion = specs.Occlusion(ranking=RANDOM)
    settings = {"network": specs.SmallCNN(width=4, hidden=16), "epochs": 2, "batch_size": 50}
    return [
        specs.Retraining(occlusion=occlusion, seed=seed, **{**settings, **fields})
        for seed in range(count)
    ]


def run(study, wanted, slots=WIDE, while_running=lambda queue, events: None):
    events = []
    queue = Scheduler(study, slots, events.append)
    queue.add(wanted)
    while_running(queue, events)
    assert queue.wait(200)
    assert queue.stop(10)
    return events


def outcomes(events):
    ended = [event for event in events if isinstance(event, Ended)]
    assert len({event.key for event in ended}) == len(ended)
    return {event.key: event for event in ended}


def test_that_each_has_the_record_that_it_has_alone(study, tmp_path):
    wanted = [*retrainings(5), *retrainings(2, epochs=1), training()]
    ended = outcomes(run(study, wanted))
    assert {event.outcome for event in ended.values()} == {"finished"}
    alone = scheduler.Study(tmp_path / "alone", create=True)
    run(alone, wanted, ONE)
    ways = []
    for spec in wanted:
        found, expected = study.read(spec), alone.read(spec)
        assert set(found.arrays) == set(expected.arrays)
        first = found.arrays["curve/loss"][0], expected.arrays["curve/loss"][0]
        np.testing.assert_allclose(*first, rtol=1e-4)
        ways.append((found.provenance["way"], found.provenance.get("width")))
        assert expected.provenance["way"] == "eager"
    # Four of the five that are alike, the fifth alone, the two of another length, the training.
    four, two, one = ("stacked", 4), ("stacked", 2), ("eager", None)
    assert ways == [four, four, four, four, one, two, two, one]
    places = [study.read(spec).provenance["place"] for spec in wanted[:4]]
    assert sorted(places) == [0, 1, 2, 3]


def test_that_adversarial_trainings_of_a_sweep_are_computed_together(study, tmp_path):
    attack = specs.PGD(eps=0.1, step_size=0.05, steps=2, random_start=True)
    sweep = [
        training(scheme=specs.Adversarial(attack=attack.replace("eps", eps)), seed=seed)
        for eps in (0.05, 0.1)
        for seed in (0, 1)
    ]
    others = [training(), training(seed=1), training(augmentation=specs.Augmentation(padding=1))]
    ended = outcomes(run(study, [*sweep, *others]))
    assert {event.outcome for event in ended.values()} == {"finished"}
    alone = scheduler.Study(tmp_path / "alone", create=True)
    run(alone, [*sweep, *others], ONE)
    ways = []
    for spec in (*sweep, *others):
        found, expected = study.read(spec), alone.read(spec)
        assert set(found.arrays) == set(expected.arrays)
        assert set(found.entry.numbers) == set(expected.entry.numbers)
        first = found.arrays["curve/loss"][0], expected.arrays["curve/loss"][0]
        np.testing.assert_allclose(*first, rtol=1e-4)
        told = found.provenance
        assert told["precision"] == "float32"
        ways.append((told["way"], told.get("width"), told.get("graph")))
    four, two, one = ("stacked", 4, "no"), ("stacked", 2, "no"), ("eager", None, None)
    assert ways == [four, four, four, four, two, two, one]


def test_that_all_are_told_that_they_started_and_how_far_they_are(study):
    wanted = retrainings(4)
    events = run(study, wanted)
    for kind in (Started, Progress, Ended):
        keys = {event.key for event in events if isinstance(event, kind)}
        assert keys >= {spec.key for spec in wanted}


def test_that_one_can_be_cancelled(study):
    wanted = retrainings(4, epochs=400)

    def cancel_one(queue, events):
        while not any(isinstance(event, Progress) for event in events):
            time.sleep(0.01)
        queue.cancel(wanted[1].key)
        while wanted[1].key not in outcomes(events):
            time.sleep(0.01)
        assert len(outcomes(events)) <= 2  # the images, and the cancelled one
        queue.cancel([spec.key for spec in wanted[2:]])

    ended = outcomes(run(study, wanted, while_running=cancel_one))
    assert [ended[spec.key].outcome for spec in wanted] == ["finished"] + 3 * ["cancelled"]


def test_that_an_error_of_all_fails_each_with_its_sentence(study, monkeypatch):
    def broken(self):
        raise RuntimeError("the kernel said no")

    monkeypatch.setattr(Stack, "run", broken)
    ended = outcomes(run(study, retrainings(3)))
    failed = [event for event in ended.values() if event.outcome == "failed"]
    assert [event.message for event in failed] == ["RuntimeError: the kernel said no"] * 3
    assert all("in broken" in event.details for event in failed)


def test_that_what_a_bundle_leaves_without_an_end_fails(study, monkeypatch):
    row = bundles.BUNDLED["retraining"]

    def forgets(contexts, ended):
        ended(contexts[0], Result({"accuracy": 0.5}, {}))
        raise ValueError("stopped half way")

    monkeypatch.setitem(bundles.BUNDLED, "retraining", replace(row, compute=forgets))
    wanted = retrainings(3)
    ended = outcomes(run(study, wanted))
    assert [ended[spec.key].outcome for spec in wanted] == ["finished", "failed", "failed"]
    assert study.has(wanted[0])


def test_that_no_more_start_together_than_fit_into_memory(study, monkeypatch):
    monkeypatch.setattr(scheduler, "free_memory", lambda device: 1000)
    events = []
    queue = Scheduler(study, WIDE, events.append)
    queue.memory_of = lambda spec: 300
    wanted = retrainings(4)
    queue.add(wanted)
    assert queue.wait(200)
    queue.stop()
    widths = sorted(study.read(spec).provenance.get("width", 1) for spec in wanted)
    assert widths == [2, 2, 2, 2]  # 0.8 of the memory that is free


def test_how_many_are_done_together():
    (spec,) = retrainings(1)
    assert bundles.most_together(spec, 1) == 1
    assert bundles.most_together(spec, 8) == 8
    assert bundles.most_together(training(), 8) == 8
    assert bundles.most_together(specs.Measurement(classifier=training()), 8) == 1
    assert slots_on("cpu").width == 1


def test_that_float32_is_done_one_by_one_as_its_stack_is_no_faster(monkeypatch):
    monkeypatch.undo()
    (spec,) = retrainings(1)
    assert bundles.most_together(spec, 64) == 1
    assert bundles.most_together(spec.replace("precision", "tf32"), 64) == 64
    assert bundles.most_together(spec.replace("precision", "bfloat16"), 64) == 64
    assert max(bundles.BUNDLED["retraining"].widths.values()) <= MOST_TOGETHER


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_that_trainings_are_done_one_by_one_until_their_stack_was_measured(precision, monkeypatch):
    monkeypatch.undo()
    assert bundles.most_together(training(precision=precision), 64) == 1


@pytest.mark.parametrize("kind", bundles.BUNDLED)
def test_that_what_is_bundled_is_computed(kind):
    assert kind in scheduler.COMPUTATIONS


def test_that_each_took_its_share_of_the_time(study, monkeypatch):
    row = bundles.BUNDLED["retraining"]

    def takes_a_while(contexts, ended):
        time.sleep(0.4)
        for context in contexts:
            ended(context, Result({"accuracy": 0.5}, {}))

    monkeypatch.setitem(bundles.BUNDLED, "retraining", replace(row, compute=takes_a_while))
    wanted = retrainings(4)
    ended = outcomes(run(study, wanted))
    taken = [ended[spec.key].seconds for spec in wanted]
    assert min(taken) >= 0.1
    assert [study.entry(spec.key).seconds for spec in wanted] == pytest.approx(taken, abs=0.002)


def test_that_a_share_is_the_time_divided_by_how_many_are_together():
    alone, four = (running._Clock(time.monotonic() - 80, count) for count in (1, 4))
    assert alone.share() == pytest.approx(80, abs=5)
    assert four.share() == pytest.approx(20, abs=5)
