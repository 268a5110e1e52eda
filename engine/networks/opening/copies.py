"""Tell apart the copies of one network that a state dict holds beside each other.

A module that has its average over training as a part, or a teacher, saves both in one state dict:
"model.conv1.weight" beside "ema.conv1.weight". Which of them is meant is the user's to choose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

MOST = 4  # copies; a network has many layers with one end of a name
DEEPEST = 8  # parts of a prefix
FEWEST = 8  # entries that copies must share; smaller networks are not told apart
COVERED = 0.9  # share of the entries that copies make up together, and that two of them share


def copies_in(entries: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the copies by their names, each with the entries that belong to none; {} if it is one.

    Copies whose numbers are all equal are one network.

    Parameters
    ----------
    entries
        Tensors, and perhaps other values, by name. They keep their names.
    """
    shapes = {
        name: tuple(value.shape)
        for name, value in entries.items()
        if isinstance(value, Tensor) and not value.is_nested
    }
    first = next((name for name, shape in shapes.items() if len(shape) > 1), "")
    for prefixes in _candidates(first, shapes):
        groups = _groups(prefixes, shapes)
        if _are_copies(groups, shapes) and not _are_equal(groups, entries):
            grouped = {name for group in groups.values() for name in group.values()}
            shared = {name: value for name, value in entries.items() if name not in grouped}
            others = " and ".join(prefix.rstrip(".") for prefix in prefixes if prefix)
            return {
                prefix.rstrip(".") or f"without {others}": {
                    **{name: entries[name] for name in group.values()},
                    **shared,
                }
                for prefix, group in groups.items()
            }
    return {}


def _candidates(first: str, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[list[str]]:
    """Yield lists of prefixes under which the first entry is found again, the shortest first."""
    parts = first.split(".") if first else []
    for length in range(min(len(parts), DEEPEST)):
        rest = ".".join(parts[length:])
        found = [
            name.removesuffix(rest)
            for name, shape in shapes.items()
            if (name == rest or name.endswith(f".{rest}")) and shape == shapes[first]
        ]
        if 1 < len(found) <= MOST:
            yield found


def _groups(
    prefixes: list[str], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, dict[str, str]]:
    """Return for each prefix its entries, by their names without it; "" has what is left over."""
    groups: dict[str, dict[str, str]] = {prefix: {} for prefix in prefixes}
    longest_first = sorted(prefixes, key=len, reverse=True)
    for name in shapes:
        prefix = next((one for one in longest_first if name.startswith(one)), None)
        if prefix is not None:
            groups[prefix][name.removeprefix(prefix)] = name
    return groups


def _are_copies(
    groups: Mapping[str, Mapping[str, str]], shapes: Mapping[str, tuple[int, ...]]
) -> bool:
    one, *others = groups.values()
    for other in others:
        alike = sum(shapes[name] == shapes.get(other.get(rest, "")) for rest, name in one.items())
        if alike < FEWEST or alike < COVERED * max(len(one), len(other)):
            return False
    return sum(map(len, groups.values())) >= COVERED * len(shapes)


def _are_equal(groups: Mapping[str, Mapping[str, str]], entries: Mapping[str, Any]) -> bool:
    one, *others = groups.values()
    return all(
        torch.equal(entries[name], entries[other[rest]])
        for other in others
        for rest, name in one.items()
        if rest in other and _comparable(entries[name], entries[other[rest]])
    )


def _comparable(first: Tensor, second: Tensor) -> bool:
    return all(
        one.layout == torch.strided and not one.is_quantized and not one.is_meta
        for one in (first, second)
    ) and (first.shape, first.dtype) == (second.shape, second.dtype)
