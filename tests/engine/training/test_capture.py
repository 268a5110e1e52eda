"""Captured steps on a CPU: a graph that does them again and refuses what a real one forbids."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from engine import specs
from engine.devices import graphs
from engine.devices.graphs import Draws, drawn
from engine.jobs.context import Cancelled, Context
from engine.jobs.events import Ended, Notice, Scalars
from engine.plan.scheduler import Scheduler, Slots
from engine.retraining.retrain import retrain
from engine.store.study import Study
from engine.training import loop
from engine.training.capture import CAPTURED, WARM_UP, Steps, obstacle
from engine.training.schemes import SCHEMES
from engine.training.train import train
from tests.engine.conftest import GLYPHS, training
from tests.engine.devices.pretended import DRAWS, WAITS

ATTACK = specs.PGD(eps=0.1, step_size=0.05, steps=2, random_start=True)
SCHEMES_HERE = {
    "standard": specs.Standard(),
    "gaussian_noise": specs.GaussianNoise(),
    "gradient_penalty": specs.GradientPenalty(),
    "adversarial linf": specs.Adversarial(attack=ATTACK),
    "adversarial l2, awp": specs.Adversarial(attack=ATTACK.replace("norm", "l2"), awp=0.01),
    "adversarial warmed up": specs.Adversarial(attack=ATTACK, warmup=1.0),
    "adversarial released": specs.Adversarial(attack=ATTACK.replace("form", "released")),
    "adversarial cw": specs.Adversarial(attack=ATTACK.replace("loss", "cw")),
    "adversarial fgsm": specs.Adversarial(attack=specs.FGSM(eps=0.1)),
    "trades": specs.TRADES(attack=ATTACK),
    "mart": specs.MART(attack=ATTACK),
    "fast_at": specs.FastAT(eps=0.1),
    "n_fgsm": specs.NoisyFGSM(eps=0.1),
}
FIELDS = {
    "sgd cosine": {"optimizer": specs.SGD(learning_rate=0.05, schedule="cosine")},
    "adam warmed up": {"optimizer": specs.Adam(rate_warmup=1.0)},
    "averaged": {"averaging": 0.9},
    "augmented": {"augmentation": specs.Augmentation(padding=2, operations=1)},
    "smoothed": {"label_smoothing": 0.1},
    "batch norm": {"network": specs.CifarResNet(), "images": specs.Glyphs(train=60, test=20),
                   "batch_size": 10},
    "short last batch": {"batch_size": 30},
    "started": {"start": training(epochs=1), "frozen": True},
}  # fmt: skip


class Watch(TorchDispatchMode):
    """Refuses what a CUDA graph cannot hold: waiting for a value, and drawing random numbers."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in WAITS + DRAWS:
            raise AssertionError(f"a captured step calls {name}")
        if name in ("index", "index_put_", "index_put"):
            masks = [i for i in args[1] if i is not None and i.dtype in (torch.bool, torch.uint8)]
            assert not masks, "a captured step indexes by a mask"
        return func(*args, **(kwargs or {}))


class Pretended:
    """A graph of the CPU, whose replay does the work again where a device would replay it."""

    def __init__(self):
        self.captures = self.replays = 0
        self.refuses = False

    def capture(self, work):
        if self.refuses:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")
        self.captures += 1

        def replay():
            self.replays += 1
            with Watch():
                work()

        return replay


@pytest.fixture
def pretended(monkeypatch):
    # A second run of the same spec would go on from a checkpoint of the first.
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 1e9)
    made = Pretended()
    monkeypatch.setitem(graphs.GRAPHS, "cpu", made)
    return made


def run(spec, study, emit=lambda event: None, captures=True):
    context = Context(spec, study, torch.device("cpu"), emit)
    context.captures = captures
    function = train if isinstance(spec, specs.Training) else retrain
    return function(spec, context), context


def assert_same(first, second):
    assert first.numbers == second.numbers
    assert set(first.arrays) == set(second.arrays)
    for name, array in first.arrays.items():
        np.testing.assert_array_equal(array, second.arrays[name], err_msg=name)


def assert_captured_is_eager(spec, study, pretended, replays=None):
    eager, _ = run(spec, study, captures=False)
    assert pretended.captures == 0
    captured, context = run(spec, study)
    assert pretended.captures == 1
    assert context.provenance["way"] == "captured"
    if replays is not None:
        assert pretended.replays == replays
    assert_same(eager, captured)


@pytest.mark.parametrize("name", SCHEMES_HERE)
def test_that_captured_steps_of_a_scheme_give_the_bits_of_eager_ones(name, study, pretended):
    spec = training(scheme=SCHEMES_HERE[name])  # 200 images, batches of 50, 2 epochs
    warmup = 4 if "warmed up" in name else 0
    assert_captured_is_eager(spec, study, pretended, replays=8 - WARM_UP - warmup)


@pytest.mark.parametrize("name", FIELDS)
def test_that_captured_steps_of_other_trainings_are_those_of_eager_ones(
    name, study, pretended, computed
):
    spec = training(**FIELDS[name])
    if spec.start is not None:
        pretended.refuses = True  # the start is computed on its own
        computed(spec.start)
        pretended.refuses = False
    assert_captured_is_eager(spec, study, pretended)
    if name == "short last batch":  # 6 whole batches and one of 20 images an epoch
        assert pretended.replays == 2 * 6 - WARM_UP


@pytest.mark.parametrize("content", ["image", "mask"])
def test_that_captured_retrainings_are_eager_ones(content, study, pretended):
    occlusion = specs.Occlusion(ranking=specs.RandomRanking(images=GLYPHS), content=content)
    spec = specs.Retraining(occlusion=occlusion, network=training().network, epochs=2,
                            batch_size=50, optimizer=specs.Adam(schedule="cosine"))  # fmt: skip
    assert_captured_is_eager(spec, study, pretended, replays=8 - WARM_UP)


def test_that_dropout_draws_in_front_of_the_captured_step(study, pretended):
    network = specs.Torchvision(name="squeezenet1_1")
    spec = training(network=network, images=specs.Glyphs(train=40, test=10), batch_size=8, epochs=1,
                    evaluation_images=4)  # fmt: skip
    assert_captured_is_eager(spec, study, pretended)


def test_that_what_decides_by_values_is_not_captured():
    refused = {
        "free_at": training(scheme=specs.FreeAT(eps=0.1)),
        "grad_align": training(scheme=specs.GradAlign(eps=0.1)),
        "apgd": training(scheme=specs.Adversarial(attack=specs.APGD(eps=0.1))),
        "restarts": training(
            scheme=specs.Adversarial(attack=replace(ATTACK, restarts=2, random_start=True))
        ),
        "released adam": training(optimizer=specs.Adam(form="released")),
    }
    assert all(obstacle(spec) for spec in refused.values())
    waiting = {"free_at", "grad_align"}
    untried = {"edge_gradients", "aligned_gradients"}  # wait for nothing, but run eagerly so far
    assert set(CAPTURED) | waiting | untried == set(SCHEMES)


@pytest.mark.parametrize("scheme", [specs.FreeAT(eps=0.1), specs.GradAlign(eps=0.1)])
def test_that_other_schemes_stay_eager_without_a_word(scheme, study, pretended):
    events = []
    _, context = run(training(scheme=scheme, epochs=1), study, events.append)
    assert pretended.captures == 0
    assert "way" not in context.provenance
    assert not [e for e in events if isinstance(e, Notice) and "launched" in e.text]


def test_that_a_refused_capture_goes_on_with_eager_steps_and_one_notice(study, pretended):
    spec, events = training(scheme=SCHEMES_HERE["adversarial linf"]), []
    eager, _ = run(spec, study, captures=False)
    pretended.refuses = True
    found, context = run(spec, study, events.append)
    assert_same(eager, found)
    (notice,) = [e.text for e in events if isinstance(e, Notice) and "launched" in e.text]
    assert notice.endswith("(RuntimeError: operation not permitted when stream is capturing)")
    assert "way" not in context.provenance


def test_that_a_captured_training_resumes_from_its_checkpoint(study, pretended, monkeypatch):
    spec = training(scheme=SCHEMES_HERE["adversarial linf"], epochs=4,
                    optimizer=specs.Adam(schedule="cosine"))  # fmt: skip
    whole, _ = run(spec, study, captures=False)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    other = Study(study.path.parent / "other", create=True)

    class Stop(Exception):
        pass

    def stop(event):
        if isinstance(event, Scalars) and event.step > 2.3:
            raise Stop

    with pytest.raises(Stop):
        run(spec, other, stop)
    assert other.checkpoint(spec) is not None
    again, context = run(spec, other)
    assert context.provenance["way"] == "captured"
    assert_same(whole, again)


def test_that_a_captured_training_is_cancelled_between_two_steps(study, pretended):
    spec = training(epochs=50)
    context = Context(spec, study, torch.device("cpu"), lambda event: None)
    context.emit = lambda event: context.control.cancel() if pretended.replays > 5 else None
    with pytest.raises(Cancelled):
        train(spec, context)
    assert 5 < pretended.replays < 20


def test_that_a_loss_that_is_not_finite_ends_a_captured_training(study, pretended, monkeypatch):
    spec, step = training(epochs=5), Steps.__call__

    def poisoned(steps, *given):
        if pretended.replays == 3:
            next(steps._state.model.parameters()).data.fill_(float("nan"))
        return step(steps, *given)

    monkeypatch.setattr(Steps, "__call__", poisoned)
    with pytest.raises(ValueError, match="the loss became"):
        run(spec, study)
    assert pretended.captures == 1


def test_that_the_queue_captures_and_the_record_says_so(tmp_path, pretended):
    found = {}
    for captures in (True, False):
        study = Study(tmp_path / str(captures), create=True)
        events = []
        slots = Slots(torch.device("cpu"), 2, 1, captures)
        scheduler = Scheduler(study, slots, events.append)
        wanted = [training(seed=seed) for seed in range(3)]
        scheduler.add(wanted)
        assert scheduler.wait(120)
        assert scheduler.stop(10)
        assert {e.outcome for e in events if isinstance(e, Ended)} == {"finished"}
        found[captures] = [study.read(spec) for spec in wanted]
    assert {record.provenance["way"] for record in found[True]} == {"captured"}
    assert {record.provenance["way"] for record in found[False]} == {"eager"}
    for one, two in zip(*found.values(), strict=True):
        for name, array in one.arrays.items():
            np.testing.assert_array_equal(array, two.arrays[name])


def test_that_draws_are_those_of_the_generator_in_its_order():
    def step():
        shape = (2, 3)
        first = drawn(lambda: torch.rand(shape, generator=generator)).mul_(2)
        return first + drawn(lambda: torch.randn(shape, generator=generator))

    generator = torch.Generator().manual_seed(1)
    expected = [step() for _ in range(3)]
    generator, draws = torch.Generator().manual_seed(1), Draws()
    with draws.noting():
        found = [step()]
    for _ in range(2):
        draws.refill()
        with draws.handing_out():
            found.append(step())
    for one, two in zip(expected, found, strict=True):
        assert torch.equal(one, two)


# ------------------------------------------------------------------------------ a make-believe CUDA


class Stream:
    def synchronize(self):
        pass


class MadeUpGraph:
    """Notes how torch is called, and lets one capture run at a time only."""

    calls: ClassVar[list] = []
    open_now = 0

    def capture_begin(self, **how):
        assert MadeUpGraph.open_now == 0
        MadeUpGraph.open_now += 1
        self.calls.append(("begin", how))

    def capture_end(self):
        MadeUpGraph.open_now -= 1
        self.calls.append(("end", {}))

    def replay(self):
        self.calls.append(("replay", {}))


@pytest.fixture
def made_up_cuda(monkeypatch):
    MadeUpGraph.calls, MadeUpGraph.open_now = [], 0
    monkeypatch.setattr(torch.cuda, "current_stream", lambda *_: Stream())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", MadeUpGraph)
    return MadeUpGraph


def test_that_a_capture_lets_other_threads_go_on_and_ends_after_an_error(made_up_cuda):
    replay = graphs.CudaGraphs().capture(lambda: None)
    replay()
    assert made_up_cuda.calls == [
        ("begin", {"capture_error_mode": "thread_local"}),
        ("end", {}),
        ("replay", {}),
    ]
    with pytest.raises(ZeroDivisionError):
        graphs.CudaGraphs().capture(lambda: 1 / 0)
    assert made_up_cuda.open_now == 0


def test_that_one_thread_captures_at_a_time(made_up_cuda):
    import threading
    import time

    def capture():
        try:
            graphs.CudaGraphs().capture(lambda: time.sleep(0.05))
        except BaseException as error:
            failed.append(error)

    failed = []
    threads = [threading.Thread(target=capture) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(made_up_cuda.calls) == 8
