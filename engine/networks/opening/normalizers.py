"""Find the normaliser that a weights file holds beside the layers of its network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.networks.opening.entries import checked, shown
from engine.networks.opening.formats import WeightsError

MEANS = ("mean", "mu", "means", "new_mean", "_mean", "image_mean", "pixel_mean", "input_mean")
STDS = (
    "std",
    "sigma",
    "stds",
    "sd",
    "sds",
    "new_std",
    "_std",
    "image_std",
    "pixel_std",
    "input_std",
)
CHANNELS = (1, 2, 3, 4)
LARGEST_UNIT = 2.0  # a deviation of [0, 1] images is below 1; one of 0..255 images is tens


@dataclass(frozen=True)
class Normalizer:
    """Means and deviations by channel, in [0, 1] units, and how they were found.

    Attributes
    ----------
    entries
        The names of the file's entries that they come from, and of their copies.
    note
        A phrase if they were converted, else "".
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    entries: tuple[str, ...] = ()
    note: str = ""


def is_normalizer(name: str, value: Any) -> bool:
    """Whether an entry is a mean or a deviation by channel, judged by its name and shape."""
    last = name.rsplit(".", 1)[-1]
    return (
        last in (*MEANS, *STDS)
        and isinstance(value, Tensor)
        and value.layout == torch.strided
        and not value.is_nested
        and value.numel() in CHANNELS
    )


def normalizer_in(entries: Mapping[str, Any], file: str) -> Normalizer | None:
    """Return the normaliser among the entries of a state dict, or None.

    Several copies, as of a network inside its attacker, count once if they are alike.

    Raises
    ------
    WeightsError
        If its numbers cannot be divided by, or its copies differ.
    """
    found: dict[str, Normalizer] = {}
    for name, value in entries.items():
        place, dot, last = name.rpartition(".")
        if last not in MEANS or not is_normalizer(name, value):
            continue
        std_name = f"{place}{dot}{STDS[MEANS.index(last)]}"
        if std_name not in entries:
            others = (f"{place}{dot}{other}" for other in STDS)
            std_name = next((other for other in others if other in entries), std_name)
        found[name] = _normalizer(entries, name, std_name, file)
    kinds = {(one.mean, one.std) for one in found.values()}
    if len(kinds) > 1:
        names = ", ".join(map(shown, found))
        raise WeightsError(f"{file} has several normalisers that differ: {names}")
    if not found:
        return None
    first = next(iter(found.values()))
    every = tuple(name for one in found.values() for name in one.entries)
    return Normalizer(first.mean, first.std, every, first.note)


def normalizer_of(mean: tuple[float, ...], std: tuple[float, ...]) -> Normalizer | None:
    """Return a normaliser of stated numbers, or None if they are not fit to be one."""
    if not mean or len(mean) != len(std) or min(std) <= 0 or len(mean) not in CHANNELS:
        return None
    if not all(abs(one) < 1e6 for one in (*mean, *std)):  # NaN fails too
        return None
    return _scaled(mean, std, ())


def _normalizer(entries: Mapping[str, Any], mean: str, std: str, file: str) -> Normalizer:
    names = (mean, std) if std in entries else (mean,)
    given = checked({name: entries[name] for name in names}, file).tensors
    means = tuple(given[mean].flatten().tolist())
    stds = tuple(given[std].flatten().tolist()) if std in given else (1.0,) * len(means)
    if len(stds) != len(means):
        raise WeightsError(
            f"{file} has {len(means)} numbers under {shown(mean)} and {len(stds)} under "
            f"{shown(std)}, must be as many"
        )
    if min(stds) <= 0:
        raise WeightsError(
            f"{file} has a deviation of {min(stds):.3g} under {shown(std)}, must be above 0"
        )
    return _scaled(means, stds, names)


def _scaled(mean: tuple[float, ...], std: tuple[float, ...], names: tuple[str, ...]) -> Normalizer:
    if max(*std, *map(abs, mean)) <= LARGEST_UNIT:
        return Normalizer(_rounded(mean), _rounded(std), names)
    note = "the normaliser is of pixels from 0 to 255, converted to 0 to 1"
    mean, std = tuple(one / 255 for one in mean), tuple(one / 255 for one in std)
    return Normalizer(_rounded(mean), _rounded(std), names, note)


def _rounded(numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Return the numbers as they were written, without the rest that float32 adds to them."""
    return tuple(float(f"{number:.7g}") for number in numbers)
