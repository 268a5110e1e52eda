"""What one process computes of a plan that several divide among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.plan.sharing.bundles import Planned, Shard
from engine.specs.schema import Spec
from engine.store.study import Study


@dataclass
class Share:
    """The part of a plan that is one process's work.

    Attributes
    ----------
    plan
        All of the plan; see :func:`engine.plan.sharing.bundles.everything`.
    owners
        The number of the shard that computes each key.
    shard
        This process's own number.
    specs
        The plan's specs by key.
    """

    plan: Sequence[Planned]
    owners: Mapping[str, int]
    shard: Shard
    specs: dict[str, Spec] = field(init=False)

    def __post_init__(self) -> None:
        self.specs = {one.spec.key: one.spec for one in self.plan}

    def is_mine(self, key: str) -> bool:
        """Whether a key is in this process's own share."""
        return self.owners[key] == self.shard.index

    def open_in(self, study: Study) -> dict[str, set[str]]:
        """Return what is missing of the own share, with all that it needs, and the needs of each.

        Parents come first.
        """
        missing = {
            one.spec.key: {key for key in one.parents if not study.has(self.specs[key])}
            for one in self.plan
            if not study.has(one.spec)
        }
        wanted: set[str] = set()
        for key in reversed(missing):  # children first
            if key in wanted or self.is_mine(key):
                wanted |= {key, *missing[key]}
        return {key: needs for key, needs in missing.items() if key in wanted}
