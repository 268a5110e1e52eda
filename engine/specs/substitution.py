"""Replace one spec by another inside a third, and find the specs that depend on a spec."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeVar

from engine.specs.schema import Spec, fields_of

S = TypeVar("S", bound=Spec)


def substituted(spec: S, old: Spec, new: Spec) -> S:
    """Return the spec with every ``old`` inside it replaced by ``new``, at any depth.

    If the spec does not contain ``old``, return the same object. If it is ``old``, return ``new``.

    Raises
    ------
    SpecError
        If the changed spec is not valid.
    """
    if spec == old:
        return new  # type: ignore[return-value]
    values = {item.name: getattr(spec, item.name) for item in fields_of(type(spec))}
    changed = {name: _within(value, old, new) for name, value in values.items()}
    return spec if changed == values else dataclasses.replace(spec, **changed)


def _within(value: Any, old: Spec, new: Spec) -> Any:
    if isinstance(value, Spec):
        return substituted(value, old, new)
    if isinstance(value, tuple):
        return tuple(_within(part, old, new) for part in value)
    return value


def dependants(spec: Spec, among: Iterable[Spec]) -> list[Spec]:
    """Return the specs in ``among`` that require the record of ``spec``, directly or indirectly."""
    found: dict[str, bool] = {spec.key: True}

    def needs(other: Spec) -> bool:
        if other.key not in found:
            found[other.key] = any(needs(parent) for parent in other.requires())
        return found[other.key]

    return [other for other in among if other.key != spec.key and needs(other)]
