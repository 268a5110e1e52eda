"""A computation on its way into the queue, and in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from engine.jobs.context import Control
from engine.jobs.events import Queued
from engine.plan.missing import missing_with_needs
from engine.specs.schema import Spec
from engine.store.asked import line_of
from engine.store.study import Study


class Prepared(NamedTuple):
    """A computation that can be queued; its fields are made ahead, as this takes a while."""

    spec: Spec
    parents: tuple[str, ...]
    event: Queued
    control: Control
    line: str
    asked: bool


@dataclass
class Job:
    """A computation that runs or waits, and the keys of those that must end before.

    ``asked`` is whether it is wanted for itself, ``looked`` whether its place was looked at.
    """

    spec: Spec
    needs: set[str]
    control: Control
    asked: bool = True
    looked: bool = False
    running: bool = False
    memory: int | None = None  # bytes; None: not estimated yet

    @property
    def ready(self) -> bool:
        """Whether it waits for nothing but its turn."""
        return self.looked and not self.running and not self.needs


def prepared_for(
    specs: Iterable[Spec], study: Study, check: Callable[[], None] = lambda: None
) -> list[Prepared]:
    """Name what is missing for specs, with parents; ``check`` may raise to give up."""
    asked: set[str] = set()

    def noted() -> Iterable[Spec]:
        for spec in specs:
            asked.add(spec.key)
            yield spec

    return [
        Prepared(
            spec,
            parents,
            Queued(spec.key, spec.kind, spec.title),
            Control(),
            line_of(spec),
            spec.key in asked,
        )
        for spec, parents in missing_with_needs(noted(), study, check)
    ]
