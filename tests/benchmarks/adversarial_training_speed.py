"""Our adversarial training against the same loop around torchattacks' and Foolbox's PGD, on a CPU.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.adversarial_training_speed [--repeats 9]

A step attacks a batch of the paper's CIFAR-10 network with PGD-5 and takes one step of Adam on the
result. Ours is the step that the program takes; theirs is what the libraries' own examples do. As
in ``attack_speed``, each has a process of its own, they take turns, and the ratio is taken turn by
turn. Results are compared in float64: the weights after three steps on the same images.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine import specs
from tests.benchmarks.attack_speed import (
    LIBRARIES,
    asked_for,
    compare_results,
    compare_times,
    papers_network,
    processes,
    some_images,
)

ATTACKS = {
    "L-inf 8/255, step 2/255, PGD-5": specs.PGD(
        norm="linf", eps=8 / 255, step_size=2 / 255, steps=5
    ),
    "L2 0.5, step 0.1, PGD-5": specs.PGD(norm="l2", eps=0.5, step_size=0.1, steps=5),
}
COMPARED_STEPS = 3
RATE = 1e-3

Step = Callable[[Tensor, Tensor, specs.PGD], None]


def our_steps(model: nn.Module) -> Step:
    """Return the program's own step."""
    from engine.jobs.device_images import layout
    from engine.networks.gradients import keep_freed_memory
    from engine.training.loop import TrainingState, make_optimizer
    from engine.training.schemes import SCHEMES, BatchContext

    keep_freed_memory()
    model = model.to(memory_format=torch.channels_last)
    state = TrainingState(model, make_optimizer(specs.Adam(learning_rate=RATE), model), {})
    batch = BatchContext(0.0, torch.Generator(), lambda *_: None)

    def step(images: Tensor, labels: Tensor, attack: specs.PGD) -> None:
        fields = specs.Adversarial(attack=attack).parameters()
        SCHEMES["adversarial"].step(state, layout(images), labels, batch, **fields)

    return step


def their_steps(name: str, model: nn.Module) -> Step:
    """Return a step around a peer's attack, made in evaluation mode as ours is."""
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)

    def step(images: Tensor, labels: Tensor, attack: specs.PGD) -> None:
        model.eval()
        adv_images = LIBRARIES[name](model, images, labels, attack).detach()
        model.train()
        optimizer.zero_grad()
        functional.cross_entropy(model(adv_images), labels).backward()
        optimizer.step()

    return step


def steps_of(name: str, model: nn.Module) -> Step:
    return our_steps(model) if name == "isthmus" else their_steps(name, model)


def serve(name: str, batch: int, link: Connection) -> None:
    """Answer each attack with its wall and processor time, and each (attack,) with the weights."""
    images, labels = some_images(batch)
    step = steps_of(name, papers_network())
    while (asked := link.recv()) is not None:
        if isinstance(asked, tuple):
            model = papers_network().double()
            exact = steps_of(name, model)
            for _ in range(COMPARED_STEPS):
                exact(images.double(), labels, *asked)
            weights = [parameter.detach().flatten() for parameter in model.parameters()]
            link.send(torch.cat(weights).numpy())
        else:
            started = time.perf_counter(), time.process_time()
            step(images, labels, asked)
            link.send((time.perf_counter() - started[0], time.process_time() - started[1]))


def main() -> None:
    """Run every setting."""
    options = asked_for(__doc__, repeats=9)
    print(f"batch {options.batch}, float32, one step, {torch.get_num_threads()} thread(s)")
    with processes(serve, options.batch) as links:
        for title, attack in ATTACKS.items():
            print(title)
            compare_times(links, attack, options.repeats)
        for title, attack in ATTACKS.items():
            print(title)
            compare_results(links, attack, "a weight")


if __name__ == "__main__":
    main()
