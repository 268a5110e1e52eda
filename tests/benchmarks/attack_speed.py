"""Our PGD against torchattacks and Foolbox: the same attack on the paper's network, on a CPU.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.attack_speed [--repeats 15] [--batch 100]

The peers are no dependencies of Isthmus and take no part in its tests. Put torchattacks, foolbox,
eagerpy, and the requests and GitPython they import, into a folder of their own without their
dependencies, and name the folder in PYTHONPATH. All take turns in one process, so that whatever
else the machine does meets each of them, a few steps at a time, and the ratio is taken turn by
turn. With one thread the processor time is printed too, which on a busy machine is the better
guess at the wall time on an idle one. Results are compared over the whole attack and in float64,
where no gradient's sign hangs on rounding.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import foolbox
import torch
import torchattacks
from torch import Tensor, nn

from engine import specs
from engine.attacks import attack
from engine.networks import build

GOAL = 1.3  # product.md: on a CPU, at least so many times as fast as either peer.
EQUAL = 1e-9
TIMED_STEPS = 3

Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Setting:
    """One attack that all three libraries define alike."""

    name: str
    spec: specs.PGD
    torchattacks: Callable[..., torchattacks.attack.Attack]
    foolbox: Callable[..., foolbox.attacks.base.FixedEpsilonAttack]

    def attacks(self) -> dict[str, Attack]:
        """Return each library's own way to run it."""
        return {
            "isthmus": lambda model, images, labels: attack(model, images, labels, self.spec),
            "torchattacks": self._torchattacks,
            "foolbox": self._foolbox,
        }

    def _torchattacks(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        spec = self.spec
        # Its L2 steps divide by ||g|| plus a constant, 1e-10 where none is given.
        more = {"eps_for_division": 1e-30} if spec.norm == "l2" else {}
        peer = self.torchattacks(
            model, eps=spec.eps, alpha=spec.step_size, steps=spec.steps, random_start=False, **more
        )
        return peer(images, labels)

    def _foolbox(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        """Run the bare attack: calling it would add a forward pass to judge the result."""
        spec = self.spec
        peer = self.foolbox(abs_stepsize=spec.step_size, steps=spec.steps, random_start=False)
        wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device=images.device)
        criterion = foolbox.criteria.Misclassification(labels)
        return peer.run(wrapped, images, criterion, epsilon=spec.eps)


SETTINGS = (
    Setting(
        "L-inf 8/255, step 2/255, 10 steps",
        specs.PGD(norm="linf", eps=8 / 255, step_size=2 / 255, steps=10),
        torchattacks.PGD,
        foolbox.attacks.LinfProjectedGradientDescentAttack,
    ),
    Setting(
        "L2 0.5, step 0.1, 10 steps",
        specs.PGD(norm="l2", eps=0.5, step_size=0.1, steps=10),
        torchattacks.PGDL2,
        foolbox.attacks.L2ProjectedGradientDescentAttack,
    ),
)


def papers_network() -> nn.Module:
    """Return the paper's CIFAR-10 classifier, fresh, in evaluation mode as the peers ask."""
    generator = torch.Generator().manual_seed(0)
    network = build(specs.PaperCifarCNN(), shape=(3, 32, 32), classes=10, generator=generator)
    return network.eval()


def some_images(count: int) -> tuple[Tensor, Tensor]:
    """Return random images and labels: the time of an attack does not depend on what they show."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(count, 3, 32, 32, generator=generator)
    return images, torch.randint(10, (count,), generator=generator)


def compare_results(setting: Setting, model: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Print how far the peers' results lie from ours, and stop where they are not the same."""
    model, images = model.double(), images.double()
    ours, *theirs = (run(model, images, labels) for run in setting.attacks().values())
    gaps = [(adv_images - ours).abs().max().item() for adv_images in theirs]
    print(f"  largest difference in float64: torchattacks {gaps[0]:.1e}, foolbox {gaps[1]:.1e}")
    model.float()
    if max(gaps) > EQUAL:
        raise SystemExit(f"results differ by {max(gaps):.1e}, must not by more than {EQUAL:.0e}")


def compare_times(
    setting: Setting, model: nn.Module, images: Tensor, labels: Tensor, repeats: int
) -> None:
    """Print the time of every library and its ratio to ours."""
    attacks = replace(setting, spec=setting.spec.replace("steps", TIMED_STEPS)).attacks()
    clocks = {"wall": time.perf_counter}
    if torch.get_num_threads() == 1:
        clocks["processor"] = time.process_time
    seconds: dict[tuple[str, str], list[float]] = {}
    for turn in range(repeats + 1):
        for name, run in attacks.items():
            started = {clock: read() for clock, read in clocks.items()}
            run(model, images, labels)
            for clock, read in clocks.items():
                # The first turn warms caches and allocators up.
                if turn:
                    seconds.setdefault((clock, name), []).append(read() - started[clock])
    for (clock, name), taken in seconds.items():
        print_line(clock, name, taken, seconds[clock, "isthmus"])


def print_line(clock: str, name: str, taken: list[float], ours: list[float]) -> None:
    """Print median, range and number of times, and of their ratios to ours."""
    line = f"  {clock:9} {name:12} {spread(taken, '.3f')} s, n={len(taken)}"
    if taken is not ours:
        ratios = [theirs / our for theirs, our in zip(taken, ours, strict=True)]
        verdict = "met" if statistics.median(ratios) >= GOAL else "missed"
        line += f"   {spread(ratios, '.2f')} times ours, goal of {GOAL} {verdict}"
    print(line)


def spread(values: list[float], form: str) -> str:
    """Return median and range as text."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def main() -> None:
    """Run every setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--batch", type=int, default=100)
    options = parser.parse_args()
    model = papers_network()
    images, labels = some_images(options.batch)
    print(
        f"paper's CIFAR-10 network, batch {options.batch}, float32, "
        f"{torch.get_num_threads()} thread(s), torch {torch.__version__}, "
        f"times of {TIMED_STEPS} steps"
    )
    for setting in SETTINGS:
        print(setting.name)
        compare_results(setting, model, images, labels)
        compare_times(setting, model, images, labels, options.repeats)


if __name__ == "__main__":
    main()
