"""Divide a plan into bundles, and the bundles among shards.

A bundle holds computations that need the same things: a network, with all that is measured on it
and retrained on its rankings. Who computes a bundle computes its rankings once and waits for no
one. The division depends on nothing but the plan, so that every shard finds the same one.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from engine.plan.cost import work_of
from engine.specs import AttributionRanking, ClassifierSpec, ImagesSpec
from engine.specs.schema import Spec, SpecError

MOST_SHARDS = 100_000
LARGEST = 0.34  # of a share: a larger bundle is divided, so that the shares can be even


@dataclass(frozen=True)
class Shard:
    """A share of a plan: number ``index``, from 1, of ``count``."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def shard_of(text: str) -> Shard:
    """Return the shard that is written as "2/8"; raise :class:`SpecError` if there is none."""
    index, slash, count = text.partition("/")
    numbers = slash and all(part.isdecimal() and part.isascii() for part in (index, count))
    if not numbers or len(count) > len(str(MOST_SHARDS)) or not 1 <= int(count) <= MOST_SHARDS:
        raise SpecError(
            f"--shard is {text!r}, must be i/n such as 2/8, with n from 1 to {MOST_SHARDS:,}"
        )
    if len(index) > len(count) or not 1 <= int(index) <= int(count):
        raise SpecError(f"--shard is {text!r}, must be from 1/{count} to {count}/{count}")
    return Shard(int(index), int(count))


class Planned(NamedTuple):
    """A computation of a plan, and the keys of all that it requires."""

    spec: Spec
    parents: tuple[str, ...]


def everything(specs: Iterable[Spec], check: Callable[[], None] = lambda: None) -> list[Planned]:
    """Return the specs and all that they require, parents first, also what has a record.

    Parameters
    ----------
    check
        Called for every spec that is asked for; may raise to give up.
    """
    order: dict[str, Planned] = {}

    def visit(spec: Spec) -> None:
        if spec.key in order:
            return
        parents = spec.requires()
        for parent in parents:
            visit(parent)
        order[spec.key] = Planned(spec, tuple(parent.key for parent in parents))

    for spec in specs:
        check()
        visit(spec)
    return list(order.values())


def plan_hash(plan: Sequence[Planned]) -> str:
    """Return a hash of what a plan computes."""
    keys = "".join(sorted(one.spec.key for one in plan))
    return hashlib.sha256(keys.encode()).hexdigest()[:20]


def bundles_of(spec: Spec) -> tuple[str, str, str]:
    """Return the names of the bundles that hold a spec, from the largest to that of it alone."""
    ranking = getattr(getattr(spec, "occlusion", None), "ranking", None)
    if isinstance(ranking, AttributionRanking):
        return ranking.classifier.key, ranking.key, spec.key
    if ranking is not None:
        return ranking.key, ranking.key, spec.key
    if isinstance(spec, ClassifierSpec):
        return spec.key, spec.key, spec.key
    classifier = getattr(spec, "classifier", None)
    if isinstance(classifier, Spec):
        return classifier.key, classifier.key, spec.key
    needed = [parent for parent in spec.requires() if not isinstance(parent, ImagesSpec)]
    first = needed[0].key if needed else spec.key
    return first, spec.key, spec.key


def divided(plan: Sequence[Planned], count: int) -> dict[str, int]:
    """Return the number of the shard, from 1, that computes each key.

    Parameters
    ----------
    plan
        What :func:`everything` returned.
    count
        Number of shards.
    """
    bundles = bundles_within(plan, count)
    weights = {one.spec.key: work_of(one.spec).passes for one in plan}
    loads = [(0.0, shard) for shard in range(1, count + 1)]
    found: dict[str, int] = {}
    heavy = sorted(bundles, key=lambda keys: (-sum(weights[key] for key in keys), keys[0]))
    for keys in heavy:
        load, shard = min(loads)
        loads[shard - 1] = load + sum(weights[key] for key in keys), shard
        found.update(dict.fromkeys(keys, shard))
    return found


def bundles_within(plan: Sequence[Planned], count: int) -> list[list[str]]:
    """Return the keys of a plan in bundles, small enough for ``count`` even shares."""
    weights = {one.spec.key: work_of(one.spec).passes for one in plan}
    names = {one.spec.key: bundles_of(one.spec) for one in plan}
    most = LARGEST * sum(weights.values()) / count if count > 1 else math.inf
    return _within(list(weights), names, weights, most)


def _within(
    keys: list[str],
    names: dict[str, tuple[str, str, str]],
    weights: dict[str, float],
    most: float,
    level: int = 0,
) -> list[list[str]]:
    """Return the keys in bundles that weigh at most so much, as far as they can be divided."""
    found: list[list[str]] = []
    ordered = sorted(keys, key=lambda key: names[key][level])
    for _, group in groupby(ordered, key=lambda key: names[key][level]):
        bundle = list(group)
        if level < 2 and sum(weights[key] for key in bundle) > most:
            found += _within(bundle, names, weights, most, level + 1)
        else:
            found.append(bundle)
    return found
