"""Choose training, validation and test images, limit their number, and order them.

Every choice ranks the images of a class by a hash of the seed and their path. So a choice does not
depend on the machine, a library's random numbers, other classes, or unrelated options; and a larger
subset contains the smaller one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def split(
    keys: Sequence[str],
    labels: Sequence[int],
    *,
    fraction: float,
    seed: int,
    purpose: str = "split",
) -> tuple[list[int], list[int]]:
    """Divide images into a part to keep and a part to hold out (for tests), class by class.

    Parameters
    ----------
    keys
        The images' paths.
    labels
        Their class indices.
    fraction
        Fraction of every class that is held out, in [0, 1]. The count is rounded. Below 1, if the
        class has at least two images, it is at least one and never all of them.
    purpose
        What the draw is for. Different purposes give independent draws from one seed.

    Returns
    -------
    kept, held out
        Ascending indices.
    """
    held: list[int] = []
    for members in _by_class(labels):
        count = round(len(members) * fraction)
        if fraction < 1 and len(members) == 1:
            count = 0
        elif 0 < fraction < 1:
            count = min(max(count, 1), len(members) - 1)
        held += _ranked(members, keys, f"{purpose} {seed}")[:count]
    chosen = set(held)
    return [k for k in range(len(keys)) if k not in chosen], sorted(held)


def subset(
    keys: Sequence[str], labels: Sequence[int], *, limit: int | None, seed: int
) -> list[int]:
    """Choose at most ``limit`` images, as equally many of each class as possible.

    Returns
    -------
    Ascending indices.
    """
    if limit is None or limit >= len(keys):
        return list(range(len(keys)))
    groups = _by_class(labels)
    shares = _shares([len(members) for members in groups], limit)
    chosen: list[int] = []
    for members, share in zip(groups, shares, strict=True):
        chosen += _ranked(members, keys, f"order {seed}")[:share]
    return sorted(chosen)


def draw(keys: Sequence[str], labels: Sequence[int], *, limit: int | None, seed: int) -> list[int]:
    """Return a :func:`subset` in :func:`mixed` order, as indices into ``keys``."""
    chosen = subset(keys, labels, limit=limit, seed=seed)
    order = mixed([keys[k] for k in chosen], [labels[k] for k in chosen], seed=seed)
    return [chosen[k] for k in order]


def mixed(keys: Sequence[str], labels: Sequence[int], *, seed: int) -> list[int]:
    """Return an order in which the first N images have the class proportions of the whole set.

    Files are sorted by class, but "the first 1000 test images" should be representative.
    """
    places = []
    for label, members in enumerate(_by_class(labels)):
        for rank, k in enumerate(_ranked(members, keys, f"order {seed}")):
            places.append(((rank + 0.5) / len(members), label, k))
    return [k for _, _, k in sorted(places)]


def _by_class(labels: Sequence[int]) -> list[list[int]]:
    """Return a list of indices for every class that occurs, sorted by class."""
    groups: dict[int, list[int]] = {}
    for k, label in enumerate(labels):
        groups.setdefault(label, []).append(k)
    return [groups[label] for label in sorted(groups)]


def _ranked(members: Sequence[int], keys: Sequence[str], salt: str) -> list[int]:
    def rank(k: int) -> bytes:
        return hashlib.sha256(f"{salt} {keys[k]}".encode()).digest()

    return sorted(members, key=rank)


def _shares(counts: Sequence[int], limit: int) -> list[int]:
    """Divide ``limit`` equally among classes; larger classes get what small ones cannot fill."""
    shares = [0] * len(counts)
    smallest_first = sorted(range(len(counts)), key=lambda k: counts[k])
    for turn, k in enumerate(smallest_first):
        shares[k] = min(counts[k], limit // (len(counts) - turn))
        limit -= shares[k]
    return shares
