"""Runs of the headless command in forked children, which need no import of torch each.

Fork only from a process that has used no thread pool: the scripts here do, tests start the scripts.
"""

import os
import platform
import signal
import sys
import time
import traceback
from pathlib import Path

import engine.plan.scheduler  # noqa: F401

# The name of the machine is asked for in a process of its own: once is enough for all children.
platform.platform()
platform.processor()

PLAN = """
title = "Tiny"
run = ["standard", "robust", "scores", "generator"]

[specs.images]
kind = "glyphs"
train = 120
test = 60

[specs.network]
kind = "small_cnn"
width = 2
hidden = 8

[specs.evaluation]
kind = "pgd"
eps = 0.1
step_size = 0.1
steps = 2

[specs.standard]
kind = "training"
batch_size = 20
images = "@images"
network = "@network"
evaluation = "@evaluation"
evaluation_images = 20
epochs = 4

[specs.robust]
kind = "training"
batch_size = 20
images = "@images"
network = "@network"
evaluation = "@evaluation"
evaluation_images = 20
epochs = 3
optimizer = { kind = "sgd", learning_rate = 0.05, momentum = 0.9 }
scheme = { kind = "adversarial", attack = { kind = "pgd", eps = 0.1, step_size = 0.1, steps = 2 } }

[specs.scores]
kind = "interpretability"
classifier = "@standard"
attribution = { kind = "gradient" }
baseline = "@standard"
fractions = [0.5]
repeats = 1

[specs.generator]
kind = "vae_gan"
images = "@images"
width = 0.05
latent = 3
batch_size = 40
epochs = 2
"""


def fork(work, errors: Path) -> int:
    """Run ``work`` in a child whose output goes to a file; return the child's process id."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        descriptor = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for stream in (1, 2):
            os.dup2(descriptor, stream)
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def ended(child: int, seconds: float) -> int | None:
    """Wait so long for a child; return its exit code, -9 if it was killed, or None if it runs."""
    deadline = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.002)


def kill(child: int) -> None:
    """End a child that runs, as a power cut would."""
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def kill_self_at(event: int, below: Path) -> None:
    """Let this process kill itself at its n-th opening, renaming, ... of a file below a folder."""
    seen = 0
    names = {"open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.scandir"}
    text = str(below)

    def hook(name, arguments):
        nonlocal seen
        if name in names and arguments and str(arguments[0]).startswith(text):
            seen += 1
            if seen == event:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
