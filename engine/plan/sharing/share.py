"""What one process computes of a plan that several divide among them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field

from engine.plan.missing import needed
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
    asked
        The keys that the plan asks for; None for all. What they require is computed where one of
        them needs it.
    specs
        The plan's specs by key.
    """

    plan: Sequence[Planned]
    owners: Mapping[str, int]
    shard: Shard
    asked: Set[str] | None = None
    specs: dict[str, Spec] = field(init=False)

    def __post_init__(self) -> None:
        self.specs = {one.spec.key: one.spec for one in self.plan}

    def is_mine(self, key: str) -> bool:
        """Whether a key is in this process's own share."""
        return self.owners[key] == self.shard.index

    def missing_in(self, study: Study) -> dict[str, set[str]]:
        """Return what is to compute by all shards, parents first, and what each needs of it.

        What only results that are there required is not computed again.
        """
        missing = {
            one.spec.key: {key for key in one.parents if not study.has(self.specs[key])}
            for one in self.plan
            if not study.has(one.spec)
        }
        return _needed(missing, self._is_asked)

    def open_in(self, study: Study) -> dict[str, set[str]]:
        """Return what is to compute of the own share, with all that it needs; else as above."""
        return _needed(self.missing_in(study), self.is_mine)

    def needless(self, study: Study, refused: Collection[str]) -> set[str]:
        """Return what nobody can use, as only what is refused needs it."""
        left: dict[str, set[str]] = {}
        for key, needs in self.missing_in(study).items():
            if key not in refused and needs <= left.keys():
                left[key] = needs
        return left.keys() - _needed(left, self._is_asked).keys()

    def _is_asked(self, key: str) -> bool:
        return self.asked is None or key in self.asked


def _needed(missing: dict[str, set[str]], is_wanted: Callable[[str], bool]) -> dict[str, set[str]]:
    """Return the part that is wanted, with all that it needs."""
    wanted = needed(missing, filter(is_wanted, missing))
    return {key: needs for key, needs in missing.items() if key in wanted}
