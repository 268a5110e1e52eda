"""Load users' weights files into built networks, without running code from the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.networks.opening.entries import COUNTER, checked, shown
from engine.networks.opening.formats import WeightsError
from engine.networks.opening.naming import (
    AUXILIARY,
    CLASSES,
    Match,
    Shape,
    match,
    nearest,
    same_but_classes,
    shapes_of,
    views_of,
)
from engine.networks.opening.normalizers import normalizer_in
from engine.networks.opening.reading import read_file
from engine.networks.opening.unwrapping import chosen, states_in

__all__ = ["Loaded", "WeightsError", "load_entries", "load_state"]

NORMALIZE = "normalize."
NETWORK = "network."


@dataclass(frozen=True)
class Loaded:
    """What was done with the entries of a file.

    Attributes
    ----------
    renamed
        Pairs of the file's name and ours, where they differ in more than a prefix.
    left_out
        The file's entries that are not used.
    notes
        A phrase for every conversion.
    """

    renamed: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def load_state(
    model: nn.Module, path: Path, *, entry: str | None = None, own_normalizer: bool = True
) -> Loaded:
    """Load the weights of a file into a built network; change nothing if they do not fit.

    Parameters
    ----------
    model
        As from :func:`engine.networks.architectures.build`.
    path
        A safetensors file or what torch.save wrote; the suffix does not matter. Names may have
        prefixes, and other words for the same parts, as :mod:`engine.networks.opening.naming` says.
        Batch counters may be missing. No code from the file is run.
    entry
        The keys, joined by dots, under which the state dict is; if None, the one that
        :func:`~engine.networks.opening.unwrapping.states_in` proposes.
    own_normalizer
        Whether the file's normaliser, if it has one, replaces that of the network.

    Raises
    ------
    WeightsError
        The message names the file, the first entry that does not fit, and what was expected.
    """
    content = read_file(path)
    states = states_in(content, path.name)
    if entry is None and any(state.path == "" for state in states):
        entry = ""  # the top level, also where copies in it would be proposed
    state = chosen(states, entry, path.name)
    return load_entries(
        model, state.entries, path.name, size=content.size, own_normalizer=own_normalizer
    )


def load_entries(
    model: nn.Module,
    entries: Mapping[str, Any],
    file: str,
    *,
    size: int | None = None,
    own_normalizer: bool = True,
) -> Loaded:
    """Do the same as :func:`load_state` with entries that are in memory."""
    ours = model.state_dict()
    expected = {
        name.removeprefix(NETWORK): tuple(tensor.shape)
        for name, tensor in ours.items()
        if name.startswith(NETWORK)
    }
    found = match(views_of(entries), shapes_of(entries), expected)
    if found is None:
        raise WeightsError(f"{file} {misfit(entries, expected)}")
    refuse_clashes(found, entries, file)
    whole = {of for name, of in found.names.items() if not ours[NETWORK + name].is_floating_point()}
    numbers = checked({of: entries[of] for of in found.names.values()}, file, size, whole)
    state = {NETWORK + name: numbers.tensors[of] for name, of in found.names.items()}
    notes, left_out = list(numbers.notes), list(found.left_out)
    normalizer = normalizer_in(entries, file) if own_normalizer else None
    if normalizer is not None:
        state |= _buffers(model, normalizer.mean, normalizer.std, file)
        notes += filter(None, [normalizer.note])
    model.load_state_dict(state, strict=False)
    return Loaded(renamed_in(found), tuple(left_out), tuple(notes))


def renamed_in(found: Match) -> tuple[tuple[str, str], ...]:
    """Return pairs of the file's name and ours, where ours is not the end of the file's."""
    return tuple(
        (of, name) for name, of in found.names.items() if not f".{of}".endswith(f".{name}")
    )


def refuse_clashes(found: Match, entries: Mapping[str, Any], file: str) -> None:
    """Raise :class:`WeightsError` if two entries stand for one and differ."""
    for first, second in found.clashes:
        pair = checked({name: entries[name] for name in (first, second)}, file).tensors
        if not torch.equal(pair[first], pair[second]):
            raise WeightsError(
                f"{file} has {shown(first)} and {shown(second)}, which stand for one entry of the "
                "network and differ"
            )


def misfit(entries: Mapping[str, Any], expected: Mapping[str, Shape]) -> str:
    """Say, after the file's name, which entry is the first that does not fit."""
    given = shapes_of(entries)
    prefix = NETWORK if any(name.startswith(NETWORK) for name in given) else ""  # as its own names
    view = nearest(views_of(entries), given, expected)[1]
    for name, shape in expected.items():
        if name not in view.names:
            continue
        of = view.names[name]
        if of not in given:
            what = type(entries[of]).__name__
        elif not same_but_classes(given[of], shape):
            what = f"shape {list(given[of])}"
        else:
            continue
        return f"has {what} under {shown(of)}, expected {_shape_words(shape)}"
    for name, of in view.names.items():
        if name not in expected and of in given and not AUXILIARY.match(name):
            like = ", ".join(prefix + known for known in list(expected)[:3])
            return (
                f"has an entry {shown(of)} that the network does not have, expected names like "
                f"{like}"
            )
    missing = [n for n in expected if n not in view.names and not n.endswith(COUNTER)]
    if missing and all(CLASSES in expected[name] for name in missing):
        return f"has no last layer ({missing[0]!r} is missing): it gives features, no classes"
    for name, shape in expected.items():
        if name not in view.names and not name.endswith(COUNTER):
            return f"has no entry {prefix + name!r}, expected one of {_shape_words(shape)}"
    return "does not fit: its entries come in another order and under other names"


def _shape_words(shape: Shape) -> str:
    words = ("classes" if side == CLASSES else str(side) for side in shape)
    return f"shape [{', '.join(words)}]"


def _buffers(
    model: nn.Module, mean: tuple[float, ...], std: tuple[float, ...], file: str
) -> dict[str, Tensor]:
    """Return the buffers of the network's normaliser with the file's numbers."""
    found = {}
    for name, numbers in (("mean", mean), ("std", std)):
        ours = model.state_dict()[NORMALIZE + name]
        if len(numbers) not in (1, ours.numel()):
            raise WeightsError(
                f"{file} normalises {len(numbers)} channels, the images have {ours.numel()}"
            )
        found[NORMALIZE + name] = torch.tensor(numbers).expand(ours.numel()).reshape(ours.shape)
    return found
