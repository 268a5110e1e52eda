"""Find the state dicts in what a file holds, and what the file says beside them.

Training scripts store a network under many names: "net", "model_state_dict", "ema", one of several
under "last" and "best". All mappings that look like a state dict are found; the one to propose
comes first.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.networks.opening.copies import copies_in
from engine.networks.opening.formats import WeightsError
from engine.networks.opening.reading import Content

DEPTH = 5
MOST_CHILDREN = 64  # of a mapping that is no state dict; optimisers have thousands
MOST_CONFIG = 1 << 20
AVERAGES = "n_averaged"
# Beside weights, files hold momenta of the same names and shapes.
NOT_WEIGHTS = ("optim", "sched", "scaler", "momentum", "exp_avg", "grad", "rng")
CLASS_NAMES = (
    *("classes", "class_names", "classnames", "label_names", "labels", "names", "categories"),
    *("class_to_idx", "idx_to_class", "id2label", "label2id"),
)
ARCHITECTURES = ("arch", "architecture", "model_name", "model", "network", "net", "backbone")


@dataclass(frozen=True)
class StateDict:
    """A mapping that looks like the weights of one network.

    Attributes
    ----------
    path
        The keys that lead to it, joined by dots; "" for the file's top level.
    entries
        Its values by name; not all need be tensors.
    averaged
        Whether its path or its entries say that it is an average over training (EMA).
    whole
        Whether it holds several copies of a network, which are listed by themselves.
    """

    path: str
    entries: Mapping[str, Any]
    averaged: bool
    whole: bool = False


@dataclass(frozen=True)
class Said:
    """What a file, or the config.json beside it, says about its network.

    Attributes
    ----------
    classes
        Names of the outputs in their order; () if it does not name them.
    architecture
        A name such as "resnet50", or "".
    mean, std
        Of the normalisation in [0, 1] units; () if not stated.
    unread
        Which of these two are stated, but not as a list of 1 to 4 numbers.
    """

    classes: tuple[str, ...] = ()
    architecture: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    unread: tuple[str, ...] = ()


def states_in(content: Content, file: str) -> list[StateDict]:
    """Return the state dicts of a file, the one to propose first.

    Averaged weights come before others, because evaluations use them. Then comes the state dict
    with more entries; of several alike, the first but "last" before "best".

    Raises
    ------
    WeightsError
        If there is none.
    """
    found = list(_found(content.value, (), DEPTH))
    if not found:
        what = type(content.value).__name__
        keys = ""
        if isinstance(content.value, Mapping):
            named = ", ".join(repr(key)[:40] for key in list(content.value)[:6])
            keys = f" with {named or 'nothing in it'}"
        raise WeightsError(f"{file} holds a {what}{keys}, must hold a state dict")
    most = max(len(state.entries) for state in found if not state.whole)

    def rank(state: StateDict) -> tuple[bool, bool, bool, bool]:
        small = len(state.entries) * 2 < most
        return state.whole, small, not state.averaged, "best" in state.path.split(".")

    return sorted(found, key=rank)


def chosen(states: list[StateDict], path: str | None, file: str) -> StateDict:
    """Return the state dict at a path; the proposed one if the path is None.

    Raises
    ------
    WeightsError
        If the file has none there.
    """
    if path is None:
        return states[0]
    for state in states:
        if state.path == path:
            return state
    known = ", ".join(repr(state.path) for state in states if not state.whole)
    raise WeightsError(f"{file} has no weights under {path!r}, has them under {known}")


def _found(value: Any, path: tuple[str, ...], depth: int) -> Iterator[StateDict]:
    if isinstance(value, argparse.Namespace):
        return
    if isinstance(value, Mapping) and _is_state(value):
        yield from _states(value, path)
        return
    if depth == 0:
        return
    items: list[tuple[Any, Any]] = []
    if isinstance(value, Mapping):
        items = list(value.items())
    elif isinstance(value, list | tuple):
        items = list(enumerate(value))
    for key, inner in items[:MOST_CHILDREN]:
        name = str(key)
        if not any(word in name.lower() for word in NOT_WEIGHTS):
            yield from _found(inner, (*path, name), depth - 1)


def _states(value: Mapping[Any, Any], path: tuple[str, ...]) -> Iterator[StateDict]:
    """Yield the state dict at a path, after the copies of a network that it may hold."""
    entries = {str(name): _as_tensor(entry) for name, entry in value.items()}
    # torch's AveragedModel counts what it averaged.
    averaged = entries.pop(AVERAGES, None) is not None or _is_average(path)
    copies = copies_in(entries)
    for name, own in copies.items():
        place = (*path, *name.split("."))
        yield StateDict(".".join(place), own, averaged or _is_average(place))
    yield StateDict(".".join(path), entries, averaged, whole=bool(copies))


def _is_average(path: tuple[str, ...]) -> bool:
    if path and path[-1].startswith("without "):
        return False
    return any("ema" in part.lower().split("_") or "averaged" in part for part in path)


def _as_tensor(value: Any) -> Any:
    """Return an array of numpy's numbers as a tensor, and everything else as it is."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        return value
    try:
        return torch.from_numpy(value.copy())
    except TypeError:  # numbers that torch does not have
        return value


def _is_state(value: Mapping[Any, Any]) -> bool:
    """Whether most values are tensors under texts, and one has rows and columns."""
    tensors = [entry for entry in value.values() if isinstance(entry, Tensor | np.ndarray)]
    if not tensors or len(tensors) * 2 < len(value) or not all(isinstance(k, str) for k in value):
        return False
    return any(_rank(tensor) >= 2 for tensor in tensors)


def _rank(value: Tensor | NDArray[Any]) -> int:
    return 2 if isinstance(value, Tensor) and value.is_nested else value.ndim


# ------------------------------------------------------------------------- what is said beside them


def said_by(content: Content, path: Path) -> Said:
    """Return what a file says about its network, and else the config.json in its folder."""
    sources = [*_tables(content.value), content.metadata, *_config_beside(path)]
    found = {
        name: next(filter(None, (_numbers(source, name) for source in sources)), ())
        for name in ("mean", "std")
    }
    return Said(
        classes=next(filter(None, map(_classes_of, sources)), ()),
        architecture=next(filter(None, map(_architecture_of, sources)), ""),
        mean=found["mean"],
        std=found["std"],
        unread=tuple(
            name
            for name, numbers in found.items()
            if not numbers and any(_is_stated(source.get(name)) for source in sources)
        ),
    )


def _tables(value: Any, depth: int = 2) -> list[Mapping[str, Any]]:
    """Return the mappings near the top, options of argparse too, as mappings of texts."""
    if isinstance(value, argparse.Namespace):
        value = vars(value)
    if not isinstance(value, Mapping) or _is_state(value):
        return []
    table = {str(key): inner for key, inner in list(value.items())[:MOST_CHILDREN]}
    inner = [_tables(entry, depth - 1) for entry in table.values()] if depth else []
    return [table, *(one for tables in inner for one in tables)]


def _config_beside(path: Path) -> list[Mapping[str, Any]]:
    """Return the tables of the config.json that hubs of networks put beside the weights."""
    place = path.parent / "config.json"
    try:
        if not place.is_file() or place.stat().st_size > MOST_CONFIG:
            return []
        found = json.loads(place.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return []  # It only adds names; the weights can be opened without it.
    return _tables(found)


def _classes_of(source: Mapping[str, Any]) -> tuple[str, ...]:
    for key in CLASS_NAMES:
        names = _names(source.get(key))
        if names:
            return names
    return ()


def _names(value: Any) -> tuple[str, ...]:
    """Return names in the order of the outputs, from a list or a mapping in either direction."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return ()
    if isinstance(value, list | tuple):
        return tuple(value) if len(value) > 1 and all(isinstance(n, str) for n in value) else ()
    if not isinstance(value, Mapping) or len(value) < 2:
        return ()
    try:
        if all(isinstance(name, str) for name in value.values()):
            numbered = {int(key): str(name) for key, name in value.items()}
        else:
            numbered = {int(number): str(name) for name, number in value.items()}
    except (TypeError, ValueError):
        return ()
    if sorted(numbered) != list(range(len(value))):
        return ()
    return tuple(numbered[k] for k in range(len(value)))


def _architecture_of(source: Mapping[str, Any]) -> str:
    for key in ARCHITECTURES:
        name = source.get(key)
        if isinstance(name, str) and 0 < len(name) < 100:
            return name
    return ""


def _is_stated(value: Any) -> bool:
    return value is not None and not (isinstance(value, list | tuple) and not value)


def _numbers(source: Mapping[str, Any], name: str) -> tuple[float, ...]:
    value = source.get(name)
    if isinstance(value, np.ndarray):
        value = value.reshape(-1)[:5].tolist()
    elif isinstance(value, Tensor) and value.layout == torch.strided and not value.is_meta:
        value = value.detach().reshape(-1)[:5].tolist()
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= 4:
        return ()
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in value):
        return ()
    try:
        return tuple(float(one) for one in value)
    except OverflowError:  # whole numbers of any length
        return ()
