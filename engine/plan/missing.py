"""What of a plan has no record yet, in the order in which it can be computed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from engine.specs.schema import Spec
from engine.store.study import Study


def missing(specs: Iterable[Spec], study: Study) -> list[Spec]:
    """Return the specs to compute for these, parents before children, without duplicates."""
    return [spec for spec, _ in missing_with_needs(specs, study)]


def missing_with_needs(
    specs: Iterable[Spec], study: Study, check: Callable[[], None] = lambda: None
) -> list[tuple[Spec, tuple[str, ...]]]:
    """Return :func:`missing`, each with the keys of all that it requires.

    Naming thousands of specs takes seconds. ``check`` is called for every one that is asked for,
    and may raise to give up.
    """
    order: dict[str, tuple[Spec, tuple[str, ...]]] = {}
    visited: set[str] = set()

    def visit(spec: Spec) -> None:
        if spec.key in visited:
            return
        visited.add(spec.key)
        if study.has(spec):
            return
        parents = spec.parents
        for parent in parents:
            visit(parent)
        order[spec.key] = spec, tuple(parent.key for parent in parents)

    for spec in specs:
        check()
        visit(spec)
    return list(order.values())


def needed(needs: Mapping[str, Collection[str]], asked: Iterable[str]) -> set[str]:
    """Return what is asked for with all that it needs, of the keys of ``needs``."""
    found: set[str] = set()
    open_keys = list(asked)
    while open_keys:
        key = open_keys.pop()
        if key in needs and key not in found:
            found.add(key)
            open_keys += needs[key]
    return found
