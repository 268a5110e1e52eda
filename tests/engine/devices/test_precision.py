import threading
import time

import pytest
import torch

from engine import api, specs
from engine.devices import precision
from engine.devices.precision import (
    TURNS,
    Turns,
    check_precision,
    switch_to,
    switched_to,
)
from engine.jobs.context import Context
from engine.plan.scheduler import Scheduler, Slots, compute
from engine.retraining.rankings import ranking
from engine.specs.schema import SpecError
from engine.store.study import Result, Study
from tests.engine.conftest import GLYPHS, training
from tests.engine.small_networks import initialised

KINDS = ("glyphs", "training")


@pytest.fixture(autouse=True)
def as_before():
    yield
    switch_to("ieee")


@pytest.fixture
def schedulers(tmp_path):
    made = []

    def make(function):
        study = Study(tmp_path / f"study{len(made)}", create=True)
        slots = Slots(torch.device("cpu"), 2, 1)
        made.append(Scheduler(study, slots, lambda event: None, dict.fromkeys(KINDS, function)))
        return made[-1]

    yield make
    for one in made:
        assert one.stop(10)


def trainings(*precisions):
    return [training(precision=name, seed=seed) for seed, name in enumerate(precisions)]


class Watched:
    """A computation that notes the switches it sees, and which precisions run beside it."""

    def __init__(self):
        self.lock, self.now, self.seen, self.most = threading.Lock(), [], [], {}

    def __call__(self, spec, context):
        if spec.kind == "glyphs":
            return Result({})
        with self.lock:
            self.now.append(spec.precision)
            self.seen.append((spec.precision, tuple(self.now), switched_to()))
        time.sleep(0.05)
        with self.lock:
            self.seen.append((spec.precision, tuple(self.now), switched_to()))
            self.now.remove(spec.precision)
        return Result({})


def test_that_switches_follow_the_spec_and_precisions_take_turns(schedulers):
    watched = Watched()
    scheduler = schedulers(watched)
    names = ("float32", "bfloat16", "tf32", "tf32", "float32", "tf32")
    scheduler.add(trainings(*names))
    assert scheduler.wait(60)
    assert sorted(name for name, _, _ in watched.seen) == sorted(names * 2)
    for name, beside, switches in watched.seen:
        assert switches == {"tf32" if name == "tf32" else "ieee"}
        assert {other == "tf32" for other in beside} == {name == "tf32"}
    # Those that may run side by side did: float32 beside bfloat16, tf32 beside tf32.
    sides = {frozenset(beside) for _, beside, _ in watched.seen if len(beside) == 2}
    assert {frozenset({"float32", "bfloat16"}), frozenset({"tf32"})} <= sides
    assert switched_to() == {"ieee"}


def test_that_another_scheduler_of_the_process_waits_for_its_turn(schedulers):
    held, watched = threading.Event(), Watched()

    def hold(spec, context):
        if spec.kind != "glyphs":
            held.wait(20)
        return Result({})

    first, second = schedulers(hold), schedulers(watched)
    first.add(trainings("tf32"))
    until(lambda: TURNS.now == "tf32")
    second.add(trainings("float32"))
    time.sleep(0.7)
    assert not watched.seen
    held.set()
    assert second.wait(20)
    assert [switches for _, _, switches in watched.seen] == [{"ieee"}] * 2


def until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_that_a_failed_and_a_cancelled_computation_end_their_turn(schedulers):
    def fail(spec, context):
        if spec.kind == "glyphs":
            return Result({})
        if spec.seed:
            raise RuntimeError
        while True:
            context.check_cancelled()
            time.sleep(0.002)

    scheduler = schedulers(fail)
    scheduler.add(trainings("tf32", "tf32"))
    until(lambda: scheduler.outcomes["failed"] == 1)
    scheduler.cancel()
    assert scheduler.wait(20)
    assert TURNS.begin("ieee")
    TURNS.end()


def test_that_turns_are_of_one_multiplication():
    turns = Turns()
    assert turns.begin("tf32")
    assert turns.begin("tf32")
    assert not turns.begin("ieee")
    turns.end()
    assert not turns.begin("ieee")
    turns.settle()
    assert switched_to() == {"tf32"}
    turns.end()
    assert switched_to() == {"ieee"}
    assert turns.begin("ieee")


def test_that_torchs_own_switches_are_the_ones_that_are_set():
    switch_to("tf32")
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    assert {cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision, matmul.fp32_precision} == {"tf32"}
    # On the processor itself, products stay exact.
    own = torch.backends.mkldnn
    assert {own.conv.fp32_precision, own.rnn.fp32_precision, own.matmul.fp32_precision} == {"ieee"}
    switch_to("ieee")
    assert {cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision, matmul.fp32_precision} == {"ieee"}
    assert not cudnn.benchmark
    assert cudnn.deterministic


@pytest.mark.parametrize("path", ["attack", "explain", "preview"])
def test_that_work_outside_the_queue_sets_the_switches_too(path, study, monkeypatch):
    """torch itself starts with TF32 in convolutions."""
    torch.backends.cudnn.conv.fp32_precision = "tf32"
    images = torch.rand(2, 1, 4, 4)
    model = initialised(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3)))
    if path == "attack":
        api.attack(model, images, torch.tensor([0, 1]), specs.FGSM(eps=0.1))
    elif path == "explain":
        api.explain(model, images)
    else:
        compute(GLYPHS, Context(GLYPHS, study, torch.device("cpu"), lambda event: None))
    assert switched_to() == {"ieee"}


def test_that_scores_hand_their_precision_to_their_retrainings_and_keys_stay():
    score = specs.Interpretability(classifier=training(), attribution=specs.Gradient(),
                                   baseline=training())  # fmt: skip
    assert "precision" not in score.canonical
    half = score.replace("precision", "bfloat16")
    for which in ("attribution", "random"):
        exact, mixed = score.retrainings(which), half.retrainings(which)
        assert {one.precision for one in exact} == {"float32"}
        assert {one.precision for one in mixed} == {"bfloat16"}
        assert not {one.key for one in exact} & {one.key for one in mixed}


@pytest.mark.parametrize("name", ["tf32", "bfloat16"])
def test_that_a_device_without_a_precision_refuses_it(name, monkeypatch):
    with pytest.raises(SpecError, match=f"precision is {name}, which needs a CUDA device; .* cpu"):
        check_precision(name, torch.device("cpu"))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    with pytest.raises(SpecError, match=r"capability 8\.0; Tesla T4 has 7\.5"):
        check_precision(name, torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    check_precision(name, torch.device("cuda"))


@pytest.mark.parametrize("kind", ["training", "retraining"])
def test_that_a_computation_on_a_processor_says_what_it_lacks(kind, computed):
    spec = training(precision="tf32")
    if kind == "retraining":
        occlusion = specs.Occlusion(ranking=specs.RandomRanking(images=GLYPHS))
        spec = specs.Retraining(occlusion=occlusion, network=spec.network, precision="tf32")
    (message,) = computed(spec, expect_failure=True)
    assert message == "precision is tf32, which needs a CUDA device; this is cpu"


def test_that_the_record_says_how_it_was_multiplied(computed):
    (record,) = computed(training(epochs=1))
    known = record.provenance
    assert (known["precision"], known["multiplication"], known["way"]) == (
        "float32",
        "ieee",
        "eager",
    )


def test_that_maps_of_another_turn_are_not_taken_from_the_cache(study, monkeypatch):
    """A ranking computed in TF32 must not serve a retraining that asks for float32."""
    context = Context(GLYPHS, study, torch.device("cpu"), lambda event: None)
    spec = specs.SobelRanking(images=GLYPHS)
    exact = ranking(spec, context)
    assert ranking(spec, context) is exact
    monkeypatch.setattr(precision.TURNS, "_now", "tf32")
    assert ranking(spec, context) is not exact
