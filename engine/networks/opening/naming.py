"""Match the entries of a foreign state dict to the entries of a network, by names and shapes.

Names are tried as they stand, without prefixes (data parallelism, wrappers, a Sequential around
normaliser and network), with other words for the same part, and at last by order alone. Nothing is
matched whose shapes differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal

from torch import Tensor

from engine.networks.opening.entries import COUNTER
from engine.networks.opening.normalizers import is_normalizer

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
Way = Literal["names", "other names", "order"]
WAYS: tuple[Way, ...] = ("names", "other names", "order")

CLASSES = 1999  # stands for the unknown number of classes: a prime, and no layer is so wide
WRAPPERS = ("module", "_orig_mod", "_module")
# Words for one part of a block; a network uses one of each row.
SYNONYMS = (
    ("downsample", "shortcut", "skip", "residual", "identity", "convShortcut", "proj_shortcut"),
    ("bn", "norm", "batchnorm"),
)
# Other published code for the same networks: patterns of names, and what we call the same.
SPELLINGS = (
    # WideResNet of Gowal 2020 and of Rebuffi 2021 (DMWideResNet)
    (
        (r"^init_conv\.", "conv1."),
        (r"^batchnorm\.", "bn1."),
        (r"^logits\.", "fc."),
        (r"^layer\.0\.block\.", "block1.layer."),
        (r"^layer\.1\.block\.", "block2.layer."),
        (r"^layer\.2\.block\.", "block3.layer."),
        (r"\.batchnorm_0\.", ".bn1."),
        (r"\.batchnorm_1\.", ".bn2."),
        (r"\.conv_1\.", ".conv2."),
        (r"\.conv_0\.", ".conv1."),
        (r"\.shortcut\.", ".convShortcut."),
    ),
)
# Heads that some networks have for training only, and a block that the WideResNet published with
# TRADES has and never calls.
AUXILIARY = re.compile(r"^(aux\d?|AuxLogits|aux_classifier|aux_logits|sub_block1)\.")
MOST_VIEWS = 12
# Entries of a view for one of the network's, up to which its names are read in other words.
MOST_OTHERS = 4


@dataclass(frozen=True)
class Match:
    """How a state dict gives all entries of a network.

    Attributes
    ----------
    names
        The network's name of an entry -> the file's name. Counters may be missing.
    classes
        The number of outputs; 0 where the network was built for a known number.
    left_out
        The file's entries that are not used.
    by
        "names", "other names" where words were replaced, or "order".
    clashes
        Pairs of the file's names that stand for one entry.
    """

    names: dict[str, str]
    classes: int
    left_out: tuple[str, ...]
    by: Way
    clashes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class View:
    """A way to read a state dict: shortened name -> the file's name, and what is left out.

    ``clashes`` are pairs of the file's names that became the same; ``reworded`` keeps what was
    computed of the names once.
    """

    names: dict[str, str]
    left_out: tuple[str, ...]
    clashes: tuple[tuple[str, str], ...] = ()
    reworded: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def count(self) -> int:
        """How many entries there are without counters."""
        return sum(not name.endswith(COUNTER) for name in self.names)


def shapes_of(entries: Mapping[str, Any]) -> dict[str, Shape]:
    """Return the shapes of the tensors among the entries."""
    return {
        name: tuple(value.shape)
        for name, value in entries.items()
        if isinstance(value, Tensor) and not value.is_nested
    }


def match(
    views: list[View], given: Shapes, expected: Shapes, ways: tuple[Way, ...] = WAYS
) -> Match | None:
    """Return how a state dict fits a network, or None.

    Parameters
    ----------
    views
        From :func:`views_of`.
    given
        Shapes of the file's entries.
    expected
        Shapes of the network's entries, built for :data:`CLASSES` classes.
    ways
        In which ways names may be compared; the first that fits is taken.
    """
    for way in ways:
        for view in views:
            if not may_match([view], expected, way):
                continue
            for named in _NAMINGS[way](view, given, expected):
                found = _fitted(named, given, expected, way)
                if found is not None:
                    return found
    return None


def may_match(views: list[View], expected: Shapes, way: Way) -> bool:
    """Whether a view has enough entries for a network, and for names in other words not too many.

    It costs little, and is asked before names are compared.
    """
    needed = _needed(expected)
    return needed > 0 and any(
        view.count >= needed and not _too_many(view, needed, way) for view in views
    )


def likeness(views: list[View], given: Shapes, expected: Shapes) -> float:
    """Return the share of the network's entries that a state dict has under the same name."""
    best = nearest(views, given, expected)[0]
    return best / max(1, _needed(expected))


def _needed(expected: Shapes) -> int:
    return sum(not name.endswith(COUNTER) for name in expected)


def _too_many(view: View, needed: int, way: Way) -> bool:
    return way != "names" and view.count > MOST_OTHERS * needed + MOST_OTHERS


def nearest(views: list[View], given: Shapes, expected: Shapes) -> tuple[int, View]:
    """Return the view with most of the network's entries, and how many it has."""
    best = (-1, views[0])
    needed = _needed(expected)
    for view in views:
        ways = [way for way in WAYS[:-1] if not _too_many(view, needed, way)]
        named_views = (one for way in ways for one in _NAMINGS[way](view, given, expected))
        for named in named_views:
            agreeing = sum(
                name in named.names and same_but_classes(given.get(named.names[name]), shape)
                for name, shape in expected.items()
                if not name.endswith(COUNTER)
            )
            if agreeing > best[0]:
                best = (agreeing, named)
    return best


def same_but_classes(given: Shape | None, expected: Shape) -> bool:
    """Whether shapes agree, where the unknown number of classes agrees with any number."""
    if given is None or len(given) != len(expected):
        return False
    return all(b in (a, CLASSES) for a, b in zip(given, expected, strict=True))


# ----------------------------------------------------------------------------------------- prefixes


def views_of(entries: Mapping[str, Any]) -> list[View]:
    """Return the ways in which a state dict can be read, the most literal first.

    Normalisers are left out of all. Prefixes that all entries share go one by one; where the
    entries are of several parts, such as a network and its attacker, each part is a view.
    """
    kept = {name: name for name, value in entries.items() if not is_normalizer(name, value)}
    return list(_views(View(*_without_wrappers(kept)), 4))[:MOST_VIEWS]


def _without_wrappers(
    names: dict[str, str],
) -> tuple[dict[str, str], tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Take prefixes of data parallelism and compilation from every name on its own."""
    found: dict[str, str] = {}
    clashes = []
    for name, original in names.items():
        short = name
        while short.partition(".")[0] in WRAPPERS and "." in short:
            short = short.partition(".")[2]
        if short in found:
            clashes.append((found[short], original))
        found.setdefault(short, original)
    return found, (), tuple(clashes)


def _views(view: View, depth: int) -> Iterator[View]:
    yield view
    groups: dict[str, dict[str, str]] = {}
    for name, original in view.names.items():
        first, dot, rest = name.partition(".")
        if dot:
            groups.setdefault(first, {})[rest] = original
    if depth == 0:
        return
    # The largest part first; of a network and its copy inside an attacker, the network.
    order = sorted(groups, key=lambda first: ("attack" in first, -len(groups[first])))
    for first in order:
        names, _, clashes = _without_wrappers(groups[first])
        if len(names) * 4 < len(view.names):
            continue
        used = set(groups[first].values())
        others = tuple(original for original in view.names.values() if original not in used)
        inner = View(names, (*view.left_out, *others), (*view.clashes, *clashes))
        yield from _views(inner, depth - 1)


# -------------------------------------------------------------------------------------------- names


def _as_they_are(view: View, given: Shapes, expected: Shapes) -> Iterator[View]:
    yield view


def _in_our_words(view: View, given: Shapes, expected: Shapes) -> Iterator[View]:
    """Yield the view with this network's words for the parts, and from other published code."""
    for spelling in ((), *SPELLINGS):
        if spelling and not any(re.search(spelling[0][0], name) for name in view.names):
            continue  # the first pattern is of an entry that all networks of this code have
        yield _reworded(view, given, expected, spelling)


def _reworded(
    view: View, given: Shapes, expected: Shapes, spelling: tuple[tuple[str, str], ...]
) -> View:
    words = {part for name in expected for part in name.split(".")}
    swaps = {}
    for row in SYNONYMS:
        ours = [word for word in row if any(_is_word(part, word) for part in words)]
        for word in row:
            if ours and word not in ours:
                swaps[word] = ours[0]
    # Networks of one family, and one network for other sizes of images, have the same words.
    asked = (spelling, tuple(swaps.items()))
    if asked not in view.reworded:
        view.reworded[asked] = _renamed(view, spelling, swaps)
    renamed, clashes = view.reworded[asked]
    return View(_with_our_head(renamed, given, expected), view.left_out, clashes)


def _renamed(
    view: View, spelling: tuple[tuple[str, str], ...], swaps: Mapping[str, str]
) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    renamed: dict[str, str] = {}
    clashes = list(view.clashes)
    known: dict[str, str] = {}  # names are made of few parts
    for name, original in view.names.items():
        for pattern, ours_pattern in spelling:
            name = re.sub(pattern, ours_pattern, name)
        parts = name.split(".")
        for part in parts:
            if part not in known:
                known[part] = _swapped(part, swaps)
        swapped = ".".join(known[part] for part in parts)
        if swapped in renamed:
            clashes.append((renamed[swapped], original))
        renamed.setdefault(swapped, original)
    return renamed, tuple(clashes)


@lru_cache(maxsize=8192)
def _is_word(part: str, word: str) -> bool:
    return re.fullmatch(rf"{word}\d*", part) is not None


def _swapped(part: str, swaps: Mapping[str, str]) -> str:
    for word, ours in swaps.items():
        if _is_word(part, word):
            return ours + part[len(word) :]
    return part


def _with_our_head(names: dict[str, str], given: Shapes, expected: Shapes) -> dict[str, str]:
    """Rename the one dense layer that the network does not know to the head that it lacks."""
    heads = [name for name, shape in expected.items() if CLASSES in shape and len(shape) > 1]
    if len(heads) != 1 or heads[0] in names:
        return names
    rank, (head, _, _) = len(expected[heads[0]]), heads[0].rpartition(".")
    unknown = [
        name
        for name, original in names.items()
        if name not in expected
        and name.endswith("weight")
        and len(given.get(original, ())) == rank
        and given[original][1:] == expected[heads[0]][1:]
    ]
    if len(unknown) != 1:
        return names
    theirs = unknown[0].rpartition(".")[0]
    return {
        (f"{head}.{name.rpartition('.')[2]}" if name.rpartition(".")[0] == theirs else name): of
        for name, of in names.items()
    }


def _fitted(view: View, given: Shapes, expected: Shapes, way: Way) -> Match | None:
    """Return the match if the names give every entry of the network, and nothing unknown."""
    names = view.names
    if any(name not in names for name in expected if not name.endswith(COUNTER)):
        return None
    unknown = [name for name in names if name not in expected]
    numbers = [name for name in unknown if names[name] in given and not AUXILIARY.match(name)]
    if any(not name.endswith(COUNTER) for name in numbers):
        return None
    classes = {CLASSES}
    for name, shape in expected.items():
        if name in names:
            found = given.get(names[name])
            if found is None or not same_but_classes(found, shape):
                return None
            classes |= {a for a, b in zip(found, shape, strict=True) if b == CLASSES}
    if len(classes) > 2:
        return None
    count = next(iter(classes - {CLASSES}), 0)
    used = {name: names[name] for name in expected if name in names}
    left_out = (*view.left_out, *(names[name] for name in unknown))
    return Match(used, count, left_out, way, view.clashes)


def _in_order(view: View, given: Shapes, expected: Shapes) -> Iterator[View]:
    """Yield the view renamed entry by entry, if the last words of all names agree."""
    theirs = [n for n, of in view.names.items() if of in given and not n.endswith(COUNTER)]
    ours = [name for name in expected if not name.endswith(COUNTER)]
    if len(theirs) == len(ours) and all(
        our_name.rpartition(".")[2] == name.rpartition(".")[2]
        for our_name, name in zip(ours, theirs, strict=True)
    ):
        pairs = zip(ours, (view.names[name] for name in theirs), strict=True)
        yield View(dict(pairs), view.left_out, view.clashes)


_NAMINGS: dict[Way, Callable[[View, Shapes, Shapes], Iterator[View]]] = {
    "names": _as_they_are,
    "other names": _in_our_words,
    "order": _in_order,
}
