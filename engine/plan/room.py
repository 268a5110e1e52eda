"""Memory that computations need, and memory that is there, so that no more start than fit.

A training keeps the activations of a batch until it has gone backwards, and four numbers for each
weight (the weight, its gradient, two moments of the optimiser). The activations are counted by
sending two images through the network. Image sets are not counted: computations share them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.cores import groups, text_of
from engine.devices.found import free_on
from engine.networks.architectures import build
from engine.plan.timing import shape_of
from engine.specs import ImagesSpec, NetworkSpec
from engine.specs.schema import Spec
from engine.store.study import Study, StudyError

SHARE = 0.8  # of the memory that is free before the first computation; the rest is for others
# Above what autograd keeps: gradients on the way back, and workspaces of convolutions. With 1.3 a
# step of ResNet-18 at 224 px took 7 % more than estimated, one of the paper's CIFAR-10 network 23 %
# (tests.benchmarks.side_by_side).
ON_THE_WAY = 1.6
PER_WEIGHT = 16  # bytes: weight, gradient and two moments, float32 each
EVALUATED = 250  # images in a batch of evaluations and attacks; see engine.training.evaluation
COUNTED = 2  # images that are sent through a network: one has no variance to normalise by
CLASSES = 10  # supposed where no record tells; the last layer is a small part
UNLIMITED = 1 << 60  # what control groups of the first version say if there is no limit
SYSTEM = Path("/")

Shape = tuple[int, int, int]


@dataclass
class Room:
    """The memory for computations that run side by side.

    Parameters
    ----------
    free
        Bytes that were free before any of them started; None if that is not known: then everything
        fits.
    """

    free: int | None
    _taken: dict[str, int] = field(default_factory=dict)

    def fits(self, needed: int) -> bool:
        """Whether a computation may start; one alone always may, as nothing else can help it."""
        if self.free is None or not self._taken:
            return True
        return sum(self._taken.values()) + needed <= SHARE * self.free

    def take(self, key: str, needed: int) -> None:
        """Count a computation that starts."""
        self._taken[key] = needed

    def give_back(self, key: str) -> None:
        """Count a computation no longer; does nothing if it is not counted."""
        self._taken.pop(key, None)


class Needs:
    """Estimates the memory of computations; counts the activations of each network once."""

    def __init__(self, study: Study):
        self._study = study
        self._known: dict[tuple[str, Shape, int], tuple[int, int]] = {}
        self._lock = threading.Lock()

    def of(self, spec: Spec) -> int:
        """Return the bytes that computing a spec needs beside its images; 0 if it has no network.

        The number of images in a batch is that of the spec or of evaluations, whichever is larger:
        a training is evaluated too, but keeps no activations of the weights for it.
        """
        network, images = _network_of(spec)
        shape = None if images is None else self._shape(images)
        if network is None or shape is None:
            return 0
        try:
            weights, kept = self._counted(network, *shape)
        except Exception:  # a network of the user's own may raise anything
            return 0  # its computation, which comes next, says what is wrong with it
        batch = max(int(getattr(spec, "batch_size", 0)), EVALUATED if _evaluates(spec) else 0)
        return round(PER_WEIGHT * weights + ON_THE_WAY * kept * batch)

    def _shape(self, images: ImagesSpec) -> tuple[Shape, int] | None:
        """Return (C, H, W) and the number of classes, from the images' record or spec."""
        try:
            numbers = self._study.entry(images.key).numbers
            shape = tuple(int(numbers[name]) for name in ("channels", "height", "width"))
            return (shape[0], shape[1], shape[2]), int(numbers["classes"])
        except (StudyError, KeyError):
            told = shape_of(images)
            return None if told is None else (told, CLASSES)

    def _counted(self, network: NetworkSpec, shape: Shape, classes: int) -> tuple[int, int]:
        with self._lock:
            asked = network.key, shape, classes
            if asked not in self._known:
                self._known[asked] = count(network, shape, classes)
            return self._known[asked]


def count(network: NetworkSpec, shape: Shape, classes: int) -> tuple[int, int]:
    """Return the number of weights of a network, and the bytes kept for an image's gradient."""
    generator = torch.Generator().manual_seed(0)
    half = torch.full((shape[0],), 0.5)
    model = build(network, shape=shape, classes=max(classes, 2), generator=generator,
                  channel_mean=half, channel_std=half).train()  # fmt: skip
    own = {parameter.data_ptr() for parameter in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> None:
        # The tensor is not handed back: a node that keeps its own output through a hook is a circle
        # that is never freed, and the whole network with it. The memory alone stays until the end,
        # so that no two activations lie in one place.
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage

    images = torch.zeros(COUNTED, *shape).requires_grad_(True)
    with torch.autograd.graph.saved_tensors_hooks(keep, _never):
        logits = model(images)
        functional.cross_entropy(logits, torch.zeros(COUNTED, dtype=torch.int64))
    return _weights(model), sum(storage.nbytes() for storage in kept.values()) // COUNTED


def _never(_: None) -> Tensor:
    raise AssertionError("the activations were only counted")


def _weights(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _network_of(spec: Any) -> tuple[NetworkSpec | None, ImagesSpec | None]:
    """Return the network that a computation runs, and the images that it is given."""
    ranking = getattr(getattr(spec, "occlusion", None), "ranking", None)
    if ranking is not None:
        return spec.network, ranking.images
    holder = getattr(spec, "classifier", spec)
    network, images = getattr(holder, "network", None), getattr(holder, "images", None)
    return (network if isinstance(network, NetworkSpec) else None, images)


def _evaluates(spec: Any) -> bool:
    """Whether the images' gradients are computed in batches of the evaluation."""
    return hasattr(spec, "evaluation") or hasattr(spec, "classifier")


# -------------------------------------------------------------------------------- what is there


def free_memory(device: torch.device, system: Path = SYSTEM) -> int | None:
    """Return the bytes that this process may still take on a device; None if unknown.

    On a CPU this is the least of what the machine has available, what the control groups leave
    (containers, SLURM), and the limit on the process's address space (``ulimit -v``).
    """
    if device.type != "cpu":
        return free_on(device)
    found = [_available(system), *_left_in_groups(system), _left_of_address_space(system)]
    return min((size for size in found if size is not None), default=None)


def _available(system: Path) -> int | None:
    return _field(system / "proc/meminfo", "MemAvailable:")


def _left_in_groups(system: Path) -> list[int | None]:
    """Return what the limits of all control groups that hold the process leave."""
    found: list[int | None] = []
    for folder in groups(system, "memory"):
        for limit, used in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            most, taken = _number(folder / limit), _number(folder / used)
            if most is not None and taken is not None and most < UNLIMITED:
                # File caches count as used, though the system takes them back when it needs them.
                cached = _field(folder / "memory.stat", "inactive_file", unit=1) or 0
                found.append(max(0, most - taken + cached))
    return found


def _left_of_address_space(system: Path) -> int | None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    used = _field(system / "proc/self/status", "VmSize:")
    return None if limit == resource.RLIM_INFINITY else max(0, limit - (used or 0))


def _field(path: Path, name: str, unit: int = 1024) -> int | None:
    """Return the number after a name in one of the kernel's files; None if it is not there."""
    for line in text_of(path).splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == name and words[1].isdecimal():
            return int(words[1]) * unit
    return None


def _number(path: Path) -> int | None:
    text = text_of(path).strip()
    return int(text) if text.isdecimal() else None
