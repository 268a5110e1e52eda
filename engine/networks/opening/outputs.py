"""The outputs of a network against the classes of images: their order, and changing it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import nn

from engine.networks.architectures import Shape, expected_state
from engine.networks.opening.naming import CLASSES
from engine.specs import NetworkSpec
from engine.specs.schema import SpecError

IMAGENET = 1000

Order = tuple[int, ...]
"""The output for each class of the images."""


def orders(classes: Sequence[str], outputs: int, named: Sequence[str]) -> dict[str, Order]:
    """Return the orders of classes that are worth measuring, by what they go by.

    Parameters
    ----------
    classes
        Names of the images' classes, in their order.
    outputs
        Number of outputs of the network, at least as many.
    named
        Names of the outputs, or () if the file does not say.

    Returns
    -------
    dict
        "as in the file" where the outputs' names are known, "as in the folders", "by number" where
        the classes are called by numbers, "by name"; each order once. Empty if the network has
        fewer outputs than the images have classes.
    """
    if outputs < len(classes):
        return {}
    names = list(named) or (list(_imagenet_names()) if outputs == IMAGENET else [])
    ranks = {name: rank for rank, name in enumerate(sorted(classes))}
    found: dict[str, Order | None] = {
        "as in the file" if named else "as in ImageNet": _by_names(classes, names),
        "as in the folders": tuple(range(len(classes))),
        "by number": _by_numbers(classes, outputs),
        "by name": tuple(ranks[name] for name in classes),
    }
    once: dict[Order, str] = {}
    for name, order in found.items():
        if order is not None:
            once.setdefault(order, name)
    return {name: order for order, name in once.items()}


def completed(order: Sequence[int], outputs: int) -> list[int]:
    """Return the outputs in the order of the classes, then those that stand for no class."""
    return [*order, *(k for k in range(outputs) if k not in set(order))]


def reorder_outputs(
    model: nn.Module, spec: NetworkSpec, shape: Shape, order: Sequence[int]
) -> None:
    """Move the outputs of a built network, so that the images' classes come first, in their order.

    Parameters
    ----------
    model
        As :func:`engine.networks.architectures.build` made it from ``spec`` and ``shape``.
    order
        The output for each class of the images; () to change nothing.

    Raises
    ------
    SpecError
        If the network has no such output.
    """
    if not order:
        return
    heads = {
        name: sizes.index(CLASSES)
        for name, sizes in (
            (name, tuple(size))
            for name, size in expected_state(spec, shape=shape, classes=CLASSES).items()
        )
        if CLASSES in sizes
    }
    state = model.state_dict()
    with torch.no_grad():
        for name, axis in heads.items():
            tensor = state[f"network.{name}"]
            outputs = tensor.shape[axis]
            if max(order) >= outputs:
                raise SpecError(f"class_order is {tuple(order)}, must be below {outputs}")
            index = torch.tensor(completed(order, outputs), device=tensor.device)
            tensor.copy_(tensor.index_select(axis, index))


def _by_names(classes: Sequence[str], names: Sequence[str]) -> Order | None:
    """Return the output of each class by its name; every class must have one of its own."""
    places: dict[str, int | None] = {}
    for number, name in enumerate(names):
        for part in {_plain(one) for one in [name, *name.split(",")]}:
            # A name that two outputs have, such as ImageNet's "crane", tells neither.
            places[part] = None if part in places else number
    found = [places.get(_plain(name)) for name in classes]
    order = tuple(number for number in found if number is not None)
    return order if len(set(order)) == len(classes) else None


def _by_numbers(classes: Sequence[str], outputs: int) -> Order | None:
    if not all(re.fullmatch(r"[0-9]{1,6}", name) for name in classes):
        return None
    order = tuple(int(name) for name in classes)
    return order if len(set(order)) == len(order) and max(order) < outputs else None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _imagenet_names() -> Sequence[str]:
    from torchvision.models import ResNet18_Weights

    names: Sequence[str] = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    return names
