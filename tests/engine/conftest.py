"""What the engine's tests share: small specs, and a way to compute them into a study."""

import pytest
import torch

from engine import specs
from engine.jobs.events import Ended, Progress
from engine.plan.scheduler import Scheduler, Slots
from engine.store.study import Study

GLYPHS = specs.Glyphs(train=200, test=100)
NETWORK = specs.SmallCNN(width=4, hidden=16)
EVALUATION = specs.PGD(eps=0.1, step_size=0.05, steps=3)


def training(**changes) -> specs.Training:
    """Return a training that takes a fraction of a second."""
    values = {
        "images": GLYPHS,
        "network": NETWORK,
        "evaluation": EVALUATION,
        "evaluation_images": 50,
        "epochs": 2,
        "batch_size": 50,
        **changes,
    }
    return specs.Training(**values)


def robust(**changes) -> specs.Training:
    """Return a small adversarial training."""
    attack = specs.PGD(eps=0.1, step_size=0.05, steps=3, random_start=True)
    return training(scheme=specs.Adversarial(attack=attack), **changes)


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "study", create=True)


@pytest.fixture
def computed(study):
    """Compute specs into the study; failures are raised as AssertionError with their message."""

    def run(*wanted, slots=2, expect_failure=False):
        events = []
        device = Slots(torch.device("cpu"), slots, 1)
        scheduler = Scheduler(study, device, events.append)
        scheduler.add(wanted)
        assert scheduler.wait(300)
        assert scheduler.stop(10)
        run.told = [e for e in events if isinstance(e, Progress)]
        failed = [e for e in events if isinstance(e, Ended) and e.outcome == "failed"]
        if expect_failure:
            return [e.message for e in failed]
        assert not failed, failed[0].message + "\n" + failed[0].details
        return [study.read(spec) for spec in wanted]

    return run
