"""Find out which network a weights file holds: :func:`open_file`, then :func:`find`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.networks.architectures import Shape, laid_out
from engine.networks.opening import candidates
from engine.networks.opening.entries import COUNTER, checked, shown
from engine.networks.opening.formats import WeightsError
from engine.networks.opening.naming import (
    CLASSES,
    WAYS,
    Match,
    Shapes,
    View,
    likeness,
    match,
    may_match,
    shapes_of,
    views_of,
)
from engine.networks.opening.normalizers import Normalizer, normalizer_in, normalizer_of
from engine.networks.opening.reading import Content, read_file
from engine.networks.opening.reasons import reason_in
from engine.networks.opening.unwrapping import Said, StateDict, chosen, said_by, states_in
from engine.networks.weights import misfit, refuse_clashes, renamed_in
from engine.specs import NetworkSpec, Timm, Torchvision
from engine.specs.schema import SpecError

# The most usual first; sizes that leave other features for a dense layer are needed as well.
SIDES = (32, 28, 64, 224, 299, 16, 24, 40, 48, 56, 80, 96, 112, 128, 160, 192, 256, 384, 512)
USUAL = 5
CHANNELS = (3, 1, 2, 4)
LIKELY = 0.5  # share of alike entries from which on other image sizes are tried
KNOWN = 0.2  # share from which on the nearest architecture is named in a refusal
NO_PARAMETERS = ("running_mean", "running_var", COUNTER)


@dataclass(frozen=True)
class Opened:
    """A weights file in memory, whose network is not known yet."""

    path: Path
    content: Content
    states: list[StateDict]
    said: Said

    @property
    def places(self) -> tuple[str, ...]:
        """Where weights are in the file, the proposed ones first."""
        return tuple(state.path for state in self.states if not state.whole)


@dataclass(frozen=True)
class Found:
    """What was found in a weights file.

    Attributes
    ----------
    network
        The architecture; its normalisation is not found out yet.
    alternatives
        Networks with the same entries that compute something else, ``network`` first.
    classes
        Number of outputs.
    parameters
        Number of trained numbers.
    shape
        Images (C, H, W) for which the network was laid out.
    place, places
        Where in the file the weights were taken from, and where others are.
    normalizer
        The file's own, or one that it states, or None.
    state
        Entries by our names, without the prefix ``network.``.
    renamed
        Pairs of the file's name and ours, where they differ in more than a prefix.
    left_out
        The file's entries that are not used.
    notes
        Phrases on what was converted or proposed.
    said
        What the file says beside the weights.
    """

    file: str
    network: NetworkSpec
    alternatives: tuple[NetworkSpec, ...]
    classes: int
    parameters: int
    shape: Shape
    place: str
    places: tuple[str, ...]
    normalizer: Normalizer | None
    renamed: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    said: Said
    state: Mapping[str, Tensor] = field(repr=False)


def open_file(path: Path) -> Opened:
    """Read a weights file and list the state dicts in it.

    Raises
    ------
    WeightsError
        If the file cannot be read safely, or holds no state dict.
    """
    content = read_file(path)
    return Opened(path, content, states_in(content, path.name), said_by(content, path))


def find(
    opened: Opened,
    *,
    shape: Shape | None = None,
    name: str | None = None,
    network: NetworkSpec | None = None,
    place: str | None = None,
    check: Callable[[], None] = lambda: None,
) -> Found:
    """Find the architecture of a file's weights, and check the numbers.

    Parameters
    ----------
    shape
        Of the images, if there are any; it decides between architectures for small and large ones.
    name
        Of the architecture, from the user; every known one is tried if it is None.
    network
        The architecture itself, which stands before ``name``.
    place
        Where in the file the weights are; None for the proposed place.
    check
        Called before each network that is compared; may raise to stop.

    Raises
    ------
    WeightsError
        If the weights are of no known network, or their numbers cannot be used.
    SpecError
        If there is no architecture of the name.
    """
    file = opened.path.name
    state = chosen(opened.states, place, file)
    entries = state.entries
    given, views = shapes_of(entries), views_of(entries)
    hint = " ".join((opened.path.parent.name, file, opened.said.architecture))
    tried = [network] if network is not None else _tried(name, given, hint, views)
    sizes = _shapes_for(given, shape)
    fits = _first_fit(tried, sizes, views, given, check)
    if fits is None and network is None and name is None:
        fits = _first_fit(candidates.by_hint(hint), sizes, views, given, check)
    if fits is None:
        _refuse_bad_numbers(entries, file, opened.content.size)
        raise WeightsError(_refusal(file, state.path, tried, sizes, views, entries))
    spec, fitting, found = fits
    return _checked(opened, state, spec, fitting, found)


def _tried(name: str | None, given: Shapes, hint: str, views: list[View]) -> list[NetworkSpec]:
    if name:
        return candidates.named(name, given)
    return candidates.candidates(given, hint, {view.count for view in views})


def _checked(
    opened: Opened, state: StateDict, spec: NetworkSpec, shape: Shape, found: Match
) -> Found:
    file, entries = opened.path.name, state.entries
    refuse_clashes(found, entries, file)
    whole = {of for name, of in found.names.items() if name in _expected(spec, shape)[1]}
    used = {of: entries[of] for of in found.names.values()}
    numbers = checked(used, file, opened.content.size, whole)
    if found.classes < 2:
        raise WeightsError(
            f"{file} holds a network with {found.classes} output, must have at least 2"
        )
    said = opened.said
    own = normalizer_in(entries, file) or normalizer_of(said.mean, said.std)
    if len(said.classes) != found.classes:
        said = replace(said, classes=())
    count = sum(
        numbers.tensors[of].numel()
        for of in found.names.values()
        if not of.endswith(NO_PARAMETERS) and of not in whole
    )
    taken = set(own.entries) if own is not None else set()
    return Found(
        file=file,
        network=spec,
        alternatives=tuple(candidates.alternatives(spec)),
        classes=found.classes,
        parameters=count,
        shape=shape,
        place=state.path,
        places=opened.places,
        normalizer=own,
        renamed=renamed_in(found),
        left_out=tuple(name for name in found.left_out if name not in taken),
        notes=tuple(_notes(opened, state, found, numbers.notes, own)),
        said=said,
        state={name: numbers.tensors[of] for name, of in found.names.items()},
    )


def _notes(
    opened: Opened,
    state: StateDict,
    found: Match,
    converted: tuple[str, ...],
    own: Normalizer | None,
) -> Iterator[str]:
    if len(opened.places) > 1:
        why = ", averaged over training," if state.averaged else ""
        others = ", ".join(shown(place) for place in opened.places if place != state.path)
        yield f"the weights under {shown(state.path)}{why} were taken; others are under {others}"
    if found.by == "order":
        yield "the entries have other names and were matched by their order and shapes"
    yield from converted
    if own is not None and own.note:
        yield own.note
    if own is None and opened.said.unread:
        yield (
            f"the {' and '.join(opened.said.unread)} beside the weights were left out: a "
            "normaliser is a list of 1 to 4 numbers for each"
        )
    elif own is None and (opened.said.mean or opened.said.std):
        means, deviations = (
            ", ".join(f"{one:g}" for one in numbers) or "none"
            for numbers in (opened.said.mean, opened.said.std)
        )
        yield (
            f"the means ({means}) and deviations ({deviations}) beside the weights were left out: "
            "a normaliser has as many of both, for 1 to 4 channels, and deviations above 0"
        )


def _shapes_for(given: Shapes, shape: Shape | None) -> list[Shape]:
    """Return the image shapes to lay networks out for: the images' own, then usual ones."""
    channels = {entry[1] for entry in given.values() if len(entry) == 4}
    known = [count for count in CHANNELS if count in channels] or list(CHANNELS[:2])
    usual = [(count, side, side) for count in known for side in SIDES]
    return ([shape] if shape is not None else []) + [one for one in usual if one != shape]


def _first_fit(
    tried: list[NetworkSpec],
    sizes: list[Shape],
    views: list[View],
    given: Shapes,
    check: Callable[[], None],
) -> tuple[NetworkSpec, Shape, Match] | None:
    """Return the first network that fits: by its own names before others, then by order."""
    for way in WAYS:
        for spec in tried:
            check()
            first = next(filter(None, (_expected(spec, shape)[0] for shape in sizes)), {})
            if not may_match(views, first, way):
                continue  # How many entries there are does not depend on the images.
            # Where names tell nothing, the usual sizes of our own small networks are tried.
            small = way == "order" and not isinstance(spec, Torchvision | Timm)
            usual = [shape for shape in sizes if shape[1] in SIDES[:USUAL] or shape == sizes[0]]
            for shape in usual if small else _worth_trying(spec, sizes, views, given):
                check()
                expected = _expected(spec, shape)[0]
                found = match(views, given, expected, (way,)) if expected else None
                if found is not None:
                    return spec, shape, found
    return None


def _worth_trying(
    spec: NetworkSpec, sizes: list[Shape], views: list[View], given: Shapes
) -> Iterator[Shape]:
    """Yield the first size that the network takes, then the others if it is a likely one.

    Where the first two sizes give the same entries, the size has no part in them, and no more
    images of as many channels are tried.
    """
    seen: dict[int, list[dict[str, Any]]] = {}
    for shape in sizes:
        same = seen.setdefault(shape[0], [])
        if len(same) > 1 and same[0] == same[1]:
            continue
        expected = _expected(spec, shape)[0]
        if not expected:
            continue
        yield shape
        same.append(expected)
        if len(seen) == len(same) == 1 and likeness(views, given, expected) < LIKELY:
            return


@lru_cache(maxsize=2048)
def _expected(spec: NetworkSpec, shape: Shape) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the shapes of a network's entries and which are whole numbers; {} if it is none."""
    try:
        state = laid_out(spec, shape=shape, classes=CLASSES).state_dict()
    except SpecError:
        return {}, frozenset()
    whole = frozenset(name for name, one in state.items() if one.dtype == torch.int64)
    return {name: tuple(one.shape) for name, one in state.items()}, whole


def _refuse_bad_numbers(entries: Mapping[str, Any], file: str, size: int) -> None:
    """Raise :class:`WeightsError` if an entry could be no network's: that is the better reason."""
    for name, value in entries.items():
        if isinstance(value, Tensor):
            numbers = not value.is_quantized and value.layout == torch.strided
            if numbers and not (value.is_floating_point() or value.is_complex()):
                continue  # counters, and tables of positions
            checked({name: value}, file, size)


def _refusal(
    file: str,
    place: str,
    tried: list[NetworkSpec],
    sizes: list[Shape],
    views: list[View],
    entries: Mapping[str, Any],
) -> str:
    """Say which architecture is nearest, and what does not fit."""
    given = shapes_of(entries)
    if why := reason_in(entries):
        return f"{file} {why}"
    scored = []
    for spec in tried:
        for shape in _worth_trying(spec, sizes, views, given):
            expected = _expected(spec, shape)[0]
            scored.append((likeness(views, given, expected), spec.title, expected))
    best, title, expected = max(scored, key=lambda one: one[0], default=(0.0, "", {}))
    if best >= KNOWN or len(tried) == 1:
        return f"{file} does not fit {title}, the nearest network that is known: it " + misfit(
            entries, expected
        )
    names = ", ".join(map(shown, list(given)[:3]))
    where = f" under {shown(place)}" if place else ""
    return (
        f"{file} holds {len(given)} entries{where} such as {names}, which are of no network that "
        "is known here"
    )
