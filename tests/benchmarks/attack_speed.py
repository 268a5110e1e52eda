"""Our PGD against torchattacks and Foolbox: the same attack on the paper's network, on a CPU.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.attack_speed [--repeats 15] [--batch 100]

The peers are no dependencies of Isthmus and take no part in its tests. Put torchattacks, foolbox,
eagerpy, and the requests and GitPython they import, into a folder of their own without their
dependencies, and name the folder in PYTHONPATH. Each library has a process of its own, as it has
where it is used. They take turns, a few steps at a time, so that whatever else the machine does
meets each of them, and the ratio is taken turn by turn. With one thread the processor time is
printed too, which on a busy machine is the better guess at the wall time on an idle one. Results
are compared over the whole attack and in float64, where no gradient's sign hangs on rounding.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import torch
from torch import Tensor, nn

from engine import specs
from engine.networks.architectures import build

GOAL = 1.3  # product.md: on a CPU, at least so many times as fast as either peer.
EQUAL = 1e-9
TIMED_STEPS = 3

SETTINGS = {
    "L-inf 8/255, step 2/255": specs.PGD(norm="linf", eps=8 / 255, step_size=2 / 255, steps=10),
    "L2 0.5, step 0.1": specs.PGD(norm="l2", eps=0.5, step_size=0.1, steps=10),
}

Attack = Callable[[nn.Module, Tensor, Tensor, specs.PGD], Tensor]


# Each library is imported by its own process only, so that none changes the conditions of another.


def isthmus(model: nn.Module, images: Tensor, labels: Tensor, spec: specs.PGD) -> Tensor:
    from engine.attacks.table import attack

    return attack(model, images, labels, spec)


def torchattacks(model: nn.Module, images: Tensor, labels: Tensor, spec: specs.PGD) -> Tensor:
    import torchattacks

    settings = {"eps": spec.eps, "alpha": spec.step_size, "steps": spec.steps}
    if spec.norm == "linf":
        peer = torchattacks.PGD(model, random_start=False, **settings)
    else:
        # Its steps divide by ||g|| plus a constant.
        peer = torchattacks.PGDL2(model, random_start=False, eps_for_division=1e-30, **settings)
    return peer(images, labels)


def foolbox(model: nn.Module, images: Tensor, labels: Tensor, spec: specs.PGD) -> Tensor:
    """Run the bare attack: calling it would add a forward pass to judge the result."""
    import foolbox

    kinds = {
        "linf": foolbox.attacks.LinfProjectedGradientDescentAttack,
        "l2": foolbox.attacks.L2ProjectedGradientDescentAttack,
    }
    peer = kinds[spec.norm](abs_stepsize=spec.step_size, steps=spec.steps, random_start=False)
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device=images.device)
    criterion = foolbox.criteria.Misclassification(labels)
    return peer.run(wrapped, images, criterion, epsilon=spec.eps)


LIBRARIES: dict[str, Attack] = {
    "isthmus": isthmus,
    "torchattacks": torchattacks,
    "foolbox": foolbox,
}


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


def serve(name: str, batch: int, link: Connection) -> None:
    """Answer each spec with its wall and processor time, and each (spec,) with its result."""
    model, (images, labels) = papers_network(), some_images(batch)
    run = LIBRARIES[name]
    while (asked := link.recv()) is not None:
        if isinstance(asked, tuple):
            result = run(model.double(), images.double(), labels, *asked)
            link.send(result.numpy())
        else:
            started = time.perf_counter(), time.process_time()
            run(model, images, labels, asked)
            link.send((time.perf_counter() - started[0], time.process_time() - started[1]))


def ask(link: Connection, question: object) -> object:
    link.send(question)
    return link.recv()


def compare_times(links: dict[str, Connection], spec: specs.PGD, repeats: int) -> None:
    """Print the time of every library and its ratio to ours."""
    for link in links.values():
        ask(link, spec)  # Imports the library and warms caches and allocators up.
    turns = [{name: ask(link, spec) for name, link in links.items()} for _ in range(repeats)]
    clocks = ("wall", "processor") if torch.get_num_threads() == 1 else ("wall",)
    for index, clock in enumerate(clocks):
        ours = [turn["isthmus"][index] for turn in turns]
        for name in links:
            print_line(clock, name, [turn[name][index] for turn in turns], ours)


def print_line(clock: str, name: str, taken: list[float], ours: list[float]) -> None:
    """Print median, range and number of times, and of their ratios to ours."""
    line = f"  {clock:9} {name:12} {spread(taken, '.3f')} s, n={len(taken)}"
    if name != "isthmus":
        ratios = [theirs / our for theirs, our in zip(taken, ours, strict=True)]
        verdict = "met" if statistics.median(ratios) >= GOAL else "missed"
        line += f"   {spread(ratios, '.2f')} times ours, goal of {GOAL} {verdict}"
    print(line, flush=True)


def spread(values: list[float], form: str) -> str:
    """Return median and range as text."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def compare_results(links: dict[str, Connection], spec: specs.PGD, what: str) -> None:
    """Print how far the peers' results lie from ours, and stop where they are not the same."""
    results = {name: ask(link, (spec,)) for name, link in links.items()}
    for name, theirs in results.items():
        gap = float(abs(theirs - results["isthmus"]).max())
        if name != "isthmus":
            print(f"  largest difference of {what} from {name} in float64: {gap:.1e}")
        if gap > EQUAL:
            raise SystemExit(f"{what} differs by {gap:.1e}, must not by more than {EQUAL:.0e}")


def asked_for(about: str, repeats: int) -> argparse.Namespace:
    """Return what the command line says: how often, and with how large batches."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--batch", type=int, default=100)
    return parser.parse_args()


@contextmanager
def processes(
    serve: Callable[[str, int, Connection], None], batch: int
) -> Iterator[dict[str, Connection]]:
    """Give each library a process that answers until it is sent None."""
    context = multiprocessing.get_context("spawn")
    links = {}
    for name in LIBRARIES:
        links[name], theirs = context.Pipe()
        context.Process(target=serve, args=(name, batch, theirs), daemon=True).start()
    yield links
    for link in links.values():
        link.send(None)


def main() -> None:
    """Run every setting."""
    options = asked_for(__doc__, repeats=15)
    print(
        f"paper's CIFAR-10 network, batch {options.batch}, float32, times of {TIMED_STEPS} steps, "
        f"{torch.get_num_threads()} thread(s), torch {torch.__version__}"
    )
    with processes(serve, options.batch) as links:
        for title, spec in SETTINGS.items():
            print(title)
            compare_times(links, spec.replace("steps", TIMED_STEPS), options.repeats)
        # Last, because the larger tensors of float64 change what the allocator keeps.
        for title, spec in SETTINGS.items():
            print(f"{title}, {spec.steps} steps")
            compare_results(links, spec, "a pixel")


if __name__ == "__main__":
    main()
