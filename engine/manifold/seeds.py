"""Judge the claimed order over seeds, which vary more than the test images of one network.

The rules are in :mod:`engine.tradeoff.inference`, the planning in :mod:`engine.tradeoff.planning`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engine.manifold.order import OrderStep
from engine.tradeoff.inference import LEAST_SEEDS, Limits, Order, mean_limits, order_of, side_of
from engine.tradeoff.planning import MOST_SEEDS, steps_for


@dataclass(frozen=True)
class SeedOrder:
    """The steps of a claimed order over several seeds of the networks.

    Attributes
    ----------
    seeds, generators
        Number of seeds that have every step, and of generators that measured them.
    names
        Each step in words, such as "L2 1 PGD-10 < Standard".
    means
        Each step's mean difference over the seeds; empty without seeds.
    limits
        Their t intervals, which all hold at once in 95 % (Bonferroni); None with fewer than 3
        seeds.
    agreeing
        In how many seeds each step has the claimed sign.
    needed
        Seeds with which all steps would be told from noise (80 % power at 5 %), if the found means
        and spreads are the true ones; None if unknown or more than 100.
    """

    seeds: int
    generators: int
    names: tuple[str, ...] = ()
    means: tuple[float, ...] = ()
    limits: tuple[Limits, ...] = ()
    agreeing: tuple[int, ...] = ()
    needed: int | None = None

    @property
    def judged(self) -> bool:
        """Whether there are enough seeds to judge."""
        return self.seeds >= LEAST_SEEDS

    @property
    def order(self) -> Order:
        """Whether every step is larger than the spread between seeds."""
        return order_of(self.limits)

    @property
    def sentence(self) -> str:
        """What the seeds say, in words."""
        if not self.seeds:
            return "No seed has every step: nothing is known of other trainings."
        if self.seeds == 1:
            return "Seeds: 1, which says nothing of other trainings."
        one = " with one generator" if self.generators == 1 else ""
        least = min(self.agreeing)
        if least == self.seeds:
            text = f"Over {self.seeds} seeds{one}, every step has the claimed sign in each"
        else:
            rare = self.names[self.agreeing.index(least)]
            text = f"Over seeds{one}, {rare} has the claimed sign in {least} of {self.seeds}"
        if not self.judged:
            return f"{text}; too few to judge."
        verdict = {
            "holds": "the order holds over seeds",
            "does not hold": "the order does not hold over seeds",
            "undetermined": f"over seeds it is undetermined ({self._unclear()})",
        }[self.order]
        return f"{text}; {verdict}.{self._plan()}"

    def _unclear(self) -> str:
        pairs = zip(self.names, self.limits, strict=True)
        return "; ".join(name for name, limits in pairs if not side_of(limits))

    def _plan(self) -> str:
        if self.order != "undetermined" or min(self.means) <= 0:
            return ""
        count = f"more than {MOST_SEEDS}" if self.needed is None else f"{self.needed}"
        return f" Needed for 80 % power at 5 %: {count} seeds."


NO_SEEDS = SeedOrder(0, 0)


def seed_order(alike: Sequence[Sequence[OrderStep]]) -> SeedOrder:
    """Judge an order over the seeds of its networks.

    Parameters
    ----------
    alike
        The same steps as measured by each of several generators. Distances of one seed's networks
        to several generators are averaged: they are no further trainings.
    """
    alike = [steps for steps in alike if steps]
    if not alike:
        return NO_SEEDS
    found: dict[int, list[list[float]]] = {}
    for steps in alike:
        for seed in set.intersection(*(set(step.of_seeds) for step in steps)):
            found.setdefault(seed, []).append([step.of_seeds[seed] for step in steps])
    table = np.array([np.mean(rows, axis=0) for _, rows in sorted(found.items())])
    count, first = len(found), alike[0]
    names = tuple(" < ".join(step.places) for step in first)
    if count < 2:
        return SeedOrder(count, len(alike), names)
    limits: tuple[Limits, ...] = (None,) * len(first)
    if count >= LEAST_SEEDS:
        errors = table.std(0, ddof=1) / math.sqrt(count)
        low, high = mean_limits(table.mean(0), errors, count - 1, len(first))
        limits = tuple((float(a), float(b)) for a, b in zip(low, high, strict=True))
    return SeedOrder(
        count,
        len(alike),
        names,
        tuple(map(float, table.mean(0))),
        limits,
        tuple(map(int, (table > 0).sum(0))),
        steps_for(table),
    )


def as_json(found: SeedOrder) -> dict[str, Any]:
    """Return the verdict over seeds in the form that ``show --json`` prints."""
    return {**asdict(found), "order": found.order, "sentence": found.sentence}
