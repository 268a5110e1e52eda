"""What tests of faults share: a plan of images alone, and runs of made-up computations."""

import os

import pytest
import torch

from engine.jobs.events import Ended, Notice
from engine.plan.scheduler import Scheduler, Slots
from engine.store.study import Result

# Images alone: no training, and so no long import in every process.
IMAGES_PLAN = """
title = "Images"
run = ["plane", "many"]

[specs.plane]
kind = "gaussians_2d"
per_class = 20

[specs.many]
kind = "glyphs"
train = 500
test = 100
seed = { each = [0, 1, 2, 3, 4, 5] }
"""
NO_WINDOWS = pytest.mark.skipif(os.name == "nt", reason="needs the signals of POSIX")
RESULT = Result({"loss": 0.5})


def write(study, spec, result=RESULT):
    return study.write(spec, result, seconds=1.0, provenance={"torch": "x"})


def scheduled(study, specs, computations):
    """Compute specs with made-up functions; return how each ended, and all notices."""
    events = []
    scheduler = Scheduler(study, Slots(torch.device("cpu"), 1, 1), events.append, computations)
    scheduler.add(specs)
    assert scheduler.wait(60)
    assert scheduler.stop(10)
    return [e for e in events if isinstance(e, Ended)], [e for e in events if isinstance(e, Notice)]
