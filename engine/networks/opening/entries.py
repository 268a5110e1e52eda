"""Check the numbers of a state dict, entry by entry, and convert them to those of our networks.

A file's shapes may all fit and its numbers still be unusable: NaN, complex or quantised numbers,
integers where a weight is expected, a variance below 0. Each of these is refused by the name of the
entry. Floating-point numbers of another precision are converted, and that is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.networks.opening.formats import WeightsError

COUNTER = "num_batches_tracked"
LONGEST_NAME = 200
# Weights of trained networks are below a thousand; only variances of layers are much larger.
LARGE = 1e6
HOLE = 16_384  # numbers; parts in which programs download are larger than these 64 KB
STATISTICS = ("running_mean", "running_var")
MOST_BATCHES = 1e15  # no training took so many
# Kinds that torch can store and neither convert nor compare.
_PACKED = tuple(
    getattr(torch, name)
    for name in ("float4_e2m1fn_x2", "bits1x8", "bits2x4", "bits4x2", "bits8", "bits16")
    if hasattr(torch, name)
)


@dataclass(frozen=True)
class Entries:
    """The checked numbers of a network.

    Attributes
    ----------
    tensors
        Dense float32 on the CPU, counters int64; in memory of their own.
    notes
        A phrase for every conversion, such as "62 entries converted from float16 to float32", and
        for numbers that no trained network has.
    """

    tensors: dict[str, Tensor]
    notes: tuple[str, ...]


def checked(
    given: Mapping[str, Any],
    file: str,
    size: int | None = None,
    whole: Collection[str] = (),
) -> Entries:
    """Return the entries as float32 tensors; refuse what cannot be a network's weights.

    Parameters
    ----------
    given
        Tensors by the names in the file.
    file
        The file's name, for messages.
    size
        The file's size in bytes, if known: a tensor that claims to be larger is refused.
    whole
        Names of entries that must be whole numbers, such as tables of positions.

    Raises
    ------
    WeightsError
        The message names the file and the entry, and says what is wrong with it.
    """
    converted: Counter[tuple[str, str]] = Counter()
    vanished: dict[str, int] = {}
    odd: dict[str, str] = {}
    tensors = {}
    for name, value in given.items():
        tensor = dense(name, value, file, size)
        counts = name.endswith(COUNTER)
        wanted = torch.int64 if counts or name in whole else torch.float32
        if counts and (text := _odd_counter(tensor)):
            odd[name] = text
        if tensor.dtype != wanted:
            if not counts:
                converted[_short(tensor.dtype), _short(wanted)] += 1
            before, tensor = tensor, _converted(name, tensor, wanted, file)
            if before.dtype == torch.float64 and tensor.dtype == torch.float32:
                vanished[name] = int(((before != 0) & (tensor == 0)).sum())
        tensors[name] = _finite(name, tensor, value, file)
    notes = [
        f"{count} {'entry' if count == 1 else 'entries'} converted from {old} to {new}"
        for (old, new), count in converted.items()
    ]
    if lost := {name: count for name, count in vanished.items() if count}:
        notes.append(
            f"{sum(lost.values()):,} numbers are too small for float32 and became 0, the first "
            f"under {shown(next(iter(lost)))}"
        )
    if odd:
        name, text = next(iter(odd.items()))
        notes.append(
            f"{len(odd)} {'counter' if len(odd) == 1 else 'counters'} of batches, which have no "
            f"effect here, cannot be right: {text} under {shown(name)}"
        )
    return Entries(tensors, (*notes, *_unlikely(tensors)))


def _unlikely(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """Yield phrases on numbers that can be computed with, but that no trained network has."""
    floats = {name: one for name, one in tensors.items() if one.is_floating_point()}
    matrices = {name: one for name, one in floats.items() if one.ndim > 1 and one.numel()}
    zeros = [name for name, one in matrices.items() if not bool(one.any())]
    if zeros:
        verb = "holds" if len(zeros) == 1 else "hold"
        yield (
            f"{len(zeros)} of {len(matrices)} weights with rows and columns {verb} nothing but 0, "
            f"the first under {shown(zeros[0])}"
        )
    if empty := [name for name, one in floats.items() if _is_empty_scale(name, one)]:
        yield (
            f"{len(empty)} of the scales and variances of normalising layers are nothing but 0, "
            f"the first under {shown(empty[0])}"
        )
    if holes := [name for name, one in matrices.items() if name not in zeros and _has_hole(one)]:
        yield (
            f"{len(holes)} of {len(matrices)} weights with rows and columns have {HOLE:,} or more "
            f"times 0 in a row, as a file that was downloaded in part does, the first under "
            f"{shown(holes[0])}"
        )
    rest = {name: one for name, one in floats.items() if not name.endswith(STATISTICS)}
    sizes = {name: float(one.abs().max()) for name, one in rest.items() if one.numel()}
    large = [name for name, size in sizes.items() if size > LARGE]
    if large:
        yield (
            f"numbers as large as {max(sizes.values()):.3g} are among the weights, the first under "
            f"{shown(large[0])}: what the network computes may be no number"
        )


def _is_empty_scale(name: str, tensor: Tensor) -> bool:
    """Whether an entry is the scale or the variance of a normalising layer, and holds only 0."""
    is_scale = name.endswith((".running_var", ".weight"))
    return is_scale and tensor.ndim == 1 and bool(tensor.numel()) and not bool(tensor.any())


def _has_hole(tensor: Tensor) -> bool:
    """Whether a block of numbers is 0; a hole of twice its size always covers one."""
    blocks = tensor.flatten()[: tensor.numel() // HOLE * HOLE].view(-1, HOLE)
    return not bool(blocks.any(1).all())


def dense(name: str, value: Any, file: str, size: int | None = None) -> Tensor:
    """Return a value that is a dense tensor with numbers in it; refuse everything else.

    Raises
    ------
    WeightsError
        If it is no tensor, or is quantised, sparse, nested or without numbers.
    """
    what = ""
    if not isinstance(value, Tensor):
        what = f"{type(value).__name__}, must be a tensor"
    elif value.is_quantized:
        what = f"quantised numbers ({_short(value.dtype)}), must be floating-point numbers"
    elif value.is_nested:
        what = "a nested tensor, must be a dense one"
    elif value.layout != torch.strided:
        what = f"a tensor of layout {_short(value.layout)}, must be a dense one"
    elif value.is_meta:
        what = "a tensor without numbers (device meta), must hold them"
    elif size is not None and value.numel() * value.element_size() > size:
        what = f"a tensor of {value.numel():,} numbers, which is more than the file holds"
    if what:
        raise WeightsError(f"{file} has {what}, under {shown(name)}")
    tensor: Tensor = value
    return tensor.detach()


def shown(name: str) -> str:
    """Return an entry's name in quotes, shortened if it is too long to quote."""
    return repr(name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "...")


def _odd_counter(tensor: Tensor) -> str:
    """Return what a counter holds if no number of batches is like that, else ""."""
    if tensor.dtype in _PACKED or tensor.dtype.is_complex or tensor.numel() != 1:
        return f"{tensor.numel()} numbers of {_short(tensor.dtype)}"
    number = float(tensor)
    return "" if 0 <= number < MOST_BATCHES and number.is_integer() else f"{number:g}"


def _converted(name: str, tensor: Tensor, wanted: torch.dtype, file: str) -> Tensor:
    if tensor.dtype in _PACKED:
        raise WeightsError(
            f"{file} has bits in place of numbers ({_short(tensor.dtype)}) under {shown(name)}, "
            "must be numbers that torch can convert"
        )
    if name.endswith(COUNTER):
        # Counters are not used in evaluation; some programs store them as floating point.
        # As double precision, because torch can do little with numbers of 8 bits.
        return tensor.real.to(torch.float64).nan_to_num(0).to(torch.int64)
    real = tensor.dtype.is_floating_point or tensor.dtype.is_complex
    if wanted == torch.int64:
        if not real:
            return tensor.to(wanted)
        raise WeightsError(
            f"{file} has {_short(tensor.dtype)} under {shown(name)}, must be whole numbers"
        )
    if tensor.dtype.is_complex:
        kind = "complex numbers"
    elif tensor.dtype == torch.bool:
        kind = "true and false"
    elif not tensor.dtype.is_floating_point:
        kind = "whole numbers"
    else:
        return tensor.to(wanted)
    raise WeightsError(
        f"{file} has {kind} ({_short(tensor.dtype)}) under {shown(name)}, "
        "must be floating-point numbers"
    )


def _finite(name: str, tensor: Tensor, given: Tensor, file: str) -> Tensor:
    """Return the numbers in memory of their own, after checking that they can be computed with."""
    bad = tensor.numel() - int(tensor.isfinite().sum()) if tensor.is_floating_point() else 0
    if bad:
        large = given.dtype == torch.float64 and bool(given.isfinite().all())
        what = "numbers too large for float32" if large else "NaN or infinity"
        raise WeightsError(
            f"{file} has {what} in {bad} of {tensor.numel()} numbers under {shown(name)}, "
            "must hold finite numbers only"
        )
    if name.endswith("running_var") and bool((tensor < 0).any()):
        raise WeightsError(
            f"{file} has a variance of {float(tensor.min()):.3g} under {shown(name)}, "
            "must be at least 0"
        )
    return tensor.clone(memory_format=torch.contiguous_format)


def _short(kind: object) -> str:
    return str(kind).removeprefix("torch.")
