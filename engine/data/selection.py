"""Which images are for training, which for testing, which are left out, and in what order.

Every choice is made by ranking the images of a class by a hash of the seed and of their path. So
it does not depend on the machine, on a library's random numbers, on other classes, nor on options
that concern something else; and a larger subset contains the smaller one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def split(
    keys: Sequence[str], labels: Sequence[int], *, fraction: float, seed: int
) -> tuple[list[int], list[int]]:
    """Divide images into training and test, class by class.

    Parameters
    ----------
    keys
        The images' paths.
    labels
        Their class indices.
    fraction
        Share of every class that goes to the test part, in [0, 1): rounded, but at least one image
        where the class has two or more, and never all.

    Returns
    -------
    train, test
        Rising indices.
    """
    test: list[int] = []
    for members in _by_class(labels):
        count = round(len(members) * fraction)
        if fraction > 0 and len(members) > 1:
            count = min(max(count, 1), len(members) - 1)
        elif len(members) == 1:
            count = 0
        test += _ranked(members, keys, f"split {seed}")[:count]
    chosen = set(test)
    return [k for k in range(len(keys)) if k not in chosen], sorted(test)


def subset(
    keys: Sequence[str], labels: Sequence[int], *, limit: int | None, seed: int
) -> list[int]:
    """Choose at most ``limit`` images, of all classes as equally many as there are.

    Returns
    -------
    Rising indices.
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
    """Return an order in which any first part holds all classes in their shares of the whole.

    Files come sorted by class, but "the first 1000 test images" should speak for all of them.
    """
    places = []
    for label, members in enumerate(_by_class(labels)):
        for rank, k in enumerate(_ranked(members, keys, f"order {seed}")):
            places.append(((rank + 0.5) / len(members), label, k))
    return [k for _, _, k in sorted(places)]


def _by_class(labels: Sequence[int]) -> list[list[int]]:
    """Return the indices of every class that occurs, classes in order."""
    groups: dict[int, list[int]] = {}
    for k, label in enumerate(labels):
        groups.setdefault(label, []).append(k)
    return [groups[label] for label in sorted(groups)]


def _ranked(members: Sequence[int], keys: Sequence[str], salt: str) -> list[int]:
    def rank(k: int) -> bytes:
        return hashlib.sha256(f"{salt} {keys[k]}".encode()).digest()

    return sorted(members, key=rank)


def _shares(counts: Sequence[int], limit: int) -> list[int]:
    """Divide ``limit`` among classes equally, what small classes cannot fill going to larger."""
    shares = [0] * len(counts)
    smallest_first = sorted(range(len(counts)), key=lambda k: counts[k])
    for turn, k in enumerate(smallest_first):
        shares[k] = min(counts[k], limit // (len(counts) - turn))
        limit -= shares[k]
    return shares
