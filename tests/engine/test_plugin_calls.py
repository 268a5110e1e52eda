"""What a method of the user leaves changed, or raises, reaches nothing else."""

import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import _get_current_dispatch_mode

from engine.attacks.table import attack
from engine.cli.main import main
from engine.cli.templates import TEMPLATES
from engine.jobs.context import Cancelled, on_this_thread
from engine.plugin_calls import LONGEST_MESSAGE, PluginError, called, guarded_metric
from engine.plugins import forget, load, loaded
from engine.specs import AttackSpec
from engine.specs.schema import from_dict
from engine.store.study import Result

ROOT = Path(__file__).parents[2]
FIRST = "    worst = images.clone()\n"
RAISED = {
    "no Exception": "class Stop(BaseException): pass\nraise Stop('now')",
    "the end of a generator": "raise GeneratorExit('now')",
    "no text": "class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd",
    "a text that exits": "class Odd(Exception):\n    def __str__(self): return 3\nraise Odd",
    "a long text": "raise ValueError('x' * 1_000_000)",
    "many lines": "raise ValueError('a\\n\\x1b[2J\\n' * 20)",
}


@pytest.fixture(autouse=True)
def unloaded():
    yield
    for plugin in loaded():
        forget(plugin)


@pytest.fixture
def file(tmp_path):
    """Return a function that loads the attack of the template with more in its function."""

    def write(more):
        assert FIRST in TEMPLATES["attack"]
        path = tmp_path / "mine.py"
        path.write_text(TEMPLATES["attack"].replace(FIRST, f"{FIRST}    {more}\n"))
        load(path)
        return from_dict({"kind": "random_corners", "tries": 2, "eps": 0.1}, AttackSpec)

    return write


def network():
    torch.manual_seed(0)
    layers = nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3)
    return nn.Sequential(*layers).eval()


def attacked(spec, model, images, labels):
    generator = torch.Generator().manual_seed(2)
    return attack(model, images, labels, spec, generator=generator)


def of(model):
    """Return all that a network is: numbers, modes, gradients, and which weights have them."""
    return (
        [value.clone() for value in model.state_dict().values()],
        [module.training for module in model.modules()],
        [(weight.requires_grad, weight.grad) for weight in model.parameters()],
    )


def settings():
    return torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()


@pytest.mark.parametrize(
    "more",
    [
        "images.zero_()",
        "labels.fill_(1)",
        "images.requires_grad_()",
        "model.train()",
        "model[3].train()",
        "[w.requires_grad_(False) for w in model.parameters()]",
        "model(images).sum().backward()",
        "torch.set_default_dtype(torch.float64); images = images.float()",
        "torch.set_grad_enabled(False)",
        "torch.set_num_threads(torch.get_num_threads() + 1)",
    ],
)
def test_that_nothing_is_changed_once_a_method_has_run(file, more):
    model, images, labels = network(), torch.rand(4, 1, 6, 6), torch.tensor([0, 1, 2, 0])
    plain = images.clone(), labels.clone()
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    gradients = [weight.grad for weight in model.parameters()]
    before, was = of(model), settings()
    # In a mode for training the layers would count batches, which is a change of the network.
    normal = [module for module in model if isinstance(module, nn.BatchNorm1d)]
    for module in normal:
        module.track_running_stats, module.running_mean, module.running_var = False, None, None
        module.num_batches_tracked = None
    before = of(model)
    try:
        attacked(file(more), model, images, labels)
    except PluginError:  # of what it found; what matters is what stays
        pass
    finally:
        now, torch_now = of(model), settings()
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(was[2])
    assert torch_now == was
    assert all(torch.equal(one, other) for one, other in zip(before[0], now[0], strict=True))
    assert now[1] == before[1]
    assert [needed for needed, _ in now[2]] == [needed for needed, _ in before[2]]
    assert all(found is one for (_, found), one in zip(now[2], gradients, strict=True))
    assert all((one == 1).all() for one in gradients)
    assert torch.equal(images, plain[0])
    assert torch.equal(labels, plain[1])
    assert not images.requires_grad


@pytest.mark.parametrize(
    "more",
    [
        "torch.nn.init.zeros_(model[1].weight)",
        "[w.data.mul_(0.5) for w in model.parameters()]",
        "model.train(); model(images)",
        "model[2].running_var.add_(1)",
        "model[1].weight.data = model[1].weight.data.flip(0)",
        "model[1].weight.data[0], model[1].weight.data[1] = model[1].weight.data[1] * 1, 0",
        "model[4] = torch.nn.Linear(8, 3).eval()",
        "model.half().float()",
        "model.append(torch.nn.Linear(3, 3).eval())",
    ],
)
def test_that_a_method_that_changes_the_network_is_refused(file, more):
    model, images, labels = network(), torch.rand(4, 1, 6, 6), torch.tensor([0, 1, 2, 0])
    with pytest.raises(PluginError, match="changed the network's weights"):
        attacked(file(more), model, images, labels)


@pytest.mark.parametrize(
    "more",
    [
        "torch.nn.init.zeros_(model[1].weight)",
        "model[4] = torch.nn.Linear(8, 3).eval()",
        "model.register_forward_hook(lambda module, given, found: 0 * found)",
        "model.forward = lambda images: torch.zeros(len(images), 3)",
        "model.train(); model(images)",
    ],
)
def test_that_the_network_of_others_stays_as_it_was(file, more):
    model, images, labels = network(), torch.rand(4, 1, 6, 6), torch.tensor([0, 1, 2, 0])
    before, answers = of(model), model(images)
    with suppress(PluginError):
        attacked(file(more), model, images, labels)
    now = of(model)
    assert all(torch.equal(one, other) for one, other in zip(before[0], now[0], strict=True))
    assert now[1:] == before[1:]
    assert torch.equal(model(images), answers)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ("worst.double()", "a tensor of torch.float64, must be torch.float32"),
        ("worst[:1]", "Tensor of shape (1, 1, 6, 6), must be a tensor of the images' shape"),
        ("worst * float('nan')", "144 of 144 values not finite, must be finite"),
        ("worst.to_sparse()", "a tensor laid out as torch.sparse_coo, must be a dense one"),
        ("worst.to('meta')", "a tensor without numbers (meta), must be a dense one"),
        ("images + 0.5", "pixels from 0.6 to 1.1, must be in [0, 1]"),
        ("images + 0.3", "images at a distance of 0.3 (linf), must be at most eps away, 0.1"),
        ("(worst, 1)", "a tuple, must be a tensor of the images' shape"),
        ("None", "None, must be a tensor of the images' shape"),
    ],
)
def test_that_an_attack_that_returns_something_else_is_refused(found, sentence, file):
    spec, images = file(f"return {found}"), torch.linspace(0.1, 0.6, 144).view(4, 1, 6, 6)
    with pytest.raises(PluginError) as raised:
        attacked(spec, network(), images, torch.tensor([0, 1, 2, 0]))
    assert sentence in str(raised.value)


def test_that_no_images_are_attacked_without_a_fault(file):
    nothing = torch.zeros(0, 1, 6, 6)
    found = attacked(file("pass"), network(), nothing, torch.zeros(0, dtype=torch.int64))
    assert found.shape == nothing.shape


@pytest.mark.parametrize(
    "draw",
    [
        "torch.rand_like(images)",
        "torch.empty_like(images).uniform_(-eps, eps)",
        "torch.randperm(len(images))",
        "torch.randn(images.shape)",
        "torch.normal(0.0, torch.ones_like(images))",
        "torch.randint(0, 3, (2,))",
    ],
)
def test_that_a_draw_that_no_seed_determines_is_refused(draw, file):
    spec, images = file(f"more = {draw}"), torch.rand(4, 1, 6, 6)
    labels = torch.tensor([0, 1, 2, 0])
    with pytest.raises(PluginError, match=r"mine.py, line \d+: \w+ draws from torch's generator"):
        attacked(spec, network(), images, labels)
    with pytest.raises(PluginError, match="draws from torch's generator"):  # at every call
        attacked(spec, network(), images, labels)


@pytest.mark.parametrize(
    ("draw", "sentence"),
    [
        (
            "import random; random.random()",
            r"line \d+: random.random draws from Python",
        ),
        ("from random import shuffle; shuffle([1, 2])", "random.shuffle draws from Python's"),
        ("import random; random.seed(3)", "random.seed draws from Python's"),
        ("import numpy; numpy.random.rand(3)", "it draws from numpy's generator of the whole"),
        ("from numpy.random import permutation; permutation(4)", "it draws from numpy's"),
        ("import numpy; numpy.random.seed(3)", "it draws from numpy's"),
    ],
)
def test_that_a_draw_from_generators_of_python_and_numpy_is_refused_too(draw, sentence, file):
    spec, images = file(draw), torch.rand(4, 1, 6, 6)
    for _ in range(2):
        with pytest.raises(PluginError, match=f"mine.py.*{sentence}"):
            attacked(spec, network(), images, torch.tensor([0, 1, 2, 0]))
    assert sys.getprofile() is None


def test_that_draws_of_other_threads_and_own_seeded_generators_are_not_refused(file):
    own = "import numpy, random; numpy.random.default_rng(0).random(3); random.Random(3).random()"
    spec, images = file(f"{own}; begun.set(); drawn.wait(20)"), torch.rand(4, 1, 6, 6)
    (plugin,) = loaded()
    begun, drawn = threading.Event(), threading.Event()
    vars(plugin.module).update(begun=begun, drawn=drawn)

    def draw():  # as the threads of a scheduler of dask do
        begun.wait(20)
        random.random()
        drawn.set()

    other = threading.Thread(target=draw)
    other.start()
    attacked(spec, network(), images, torch.tensor([0, 1, 2, 0]))
    other.join()
    assert drawn.is_set()


def test_that_draws_from_the_given_generator_and_new_layers_are_not_refused(file):
    given = "torch.empty_like(images).uniform_(generator=generator)"
    more = (
        f"{given}; torch.nn.functional.dropout(images); torch.randperm(3, generator=generator); "
        "torch.nn.Conv2d(1, 2, 3)(images)"
    )
    spec, images = file(more), torch.rand(4, 1, 6, 6)
    found = attacked(spec, network(), images, torch.tensor([0, 1, 2, 0]))
    assert (found - images).abs().max() <= 0.1 + 1e-6


def test_that_only_a_setting_that_was_not_called_yet_is_watched(file):
    spec, images = file("found.append(_get_current_dispatch_mode())"), torch.rand(4, 1, 6, 6)
    (plugin,) = loaded()
    space = vars(plugin.module)
    space.update(found=[], _get_current_dispatch_mode=_get_current_dispatch_mode)
    for asked in (spec, spec, spec.replace("tries", 3)):
        attacked(asked, network(), images, torch.tensor([0, 1, 2, 0]))
    assert [mode is not None for mode in space["found"]] == [True, False, True]


def test_that_a_loop_without_an_end_is_cancelled_when_it_asks_the_network(file):
    spec = file("\n    while True: model(images)")
    calls = []

    def check():
        calls.append(None)
        if len(calls) > 3:
            raise Cancelled

    with on_this_thread(check), pytest.raises(Cancelled):
        attacked(spec, network(), torch.rand(4, 1, 6, 6), torch.tensor([0, 1, 2, 0]))
    assert len(calls) == 4


ENDLESS = """
run = ["measured"]
[specs.images]
kind = "glyphs"
train = 60
test = 20
[specs.network]
kind = "training"
images = "@images"
network = { kind = "small_cnn" }
epochs = 1
evaluation_images = 10
[specs.measured]
kind = "measurement"
classifier = "@network"
metric = { kind = "robust_accuracy", attack = { kind = "random_corners" } }
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("shard", [[], ["--shard", "1/1"]], ids=["plan", "shard"])
def test_that_a_run_ends_though_a_method_does_not_answer(tmp_path, shard):
    """The second signal would end it; `timeout` and clusters send one, and much later a kill."""
    path, plan, begun = tmp_path / "mine.py", tmp_path / "plan.toml", tmp_path / "begun"
    endless = f"open({str(begun)!r}, 'w').close()\n    while True: pass\n"
    path.write_text(TEMPLATES["attack"].replace(FIRST, f"    {endless}{FIRST}"))
    plan.write_text(ENDLESS)
    command = [sys.executable, str(ROOT / "main.py"), "run", str(plan), "--plugin", str(path)]
    command += ["--study", str(tmp_path / "s"), "--device", "cpu", *shard]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        while not begun.exists():
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 143
    assert "waiting for Robust accuracy of Standard, seed 0, at most 10 s; Ctrl-C again" in said
    assert "stopped; the same command goes on where this one was" in said


METRIC = """
    numbers = {"accuracy": 0.5}
    model[1].weight.data.zero_()
    images.fill_(1)
    labels.fill_(1)
    return Result(numbers)
"""


def test_that_a_metric_has_a_network_and_images_of_its_own(tmp_path):
    space = {"Result": Result}
    exec("def measured(model, images, labels, spec, context):" + METRIC, space)
    model, images, labels = network(), torch.rand(4, 1, 6, 6), torch.tensor([0, 1, 2, 0])
    before, pixels, truth = of(model), images.clone(), labels.clone()
    metric = guarded_metric(tmp_path / "mine.py", space["measured"])
    with pytest.raises(PluginError, match="changed the network's weights"):
        metric(model, images, labels, None, None)
    assert all(torch.equal(one, other) for one, other in zip(before[0], of(model)[0], strict=True))
    assert torch.equal(images, pixels)
    assert torch.equal(labels, truth)


@pytest.mark.parametrize("what", RAISED)
def test_that_whatever_a_file_raises_is_one_short_sentence(what, tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text(RAISED[what])
    assert main(["methods", "--plugin", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("isthmus: mine.py, line ")
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert len(said) < LONGEST_MESSAGE + 100


def test_that_no_thread_of_a_computation_dies_of_what_a_method_raises(tmp_path):
    class Stop(BaseException):
        pass

    def stop():
        raise Stop

    found = []

    def work():
        try:
            called(tmp_path / "mine.py", stop)
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert isinstance(found[0], PluginError)
