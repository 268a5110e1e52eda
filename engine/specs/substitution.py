"""Putting one spec in the place of another, wherever it stands inside a third."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeVar

from engine.specs.schema import Spec, fields_of

S = TypeVar("S", bound=Spec)


def substituted(spec: S, old: Spec, new: Spec) -> S:
    """Return the spec with ``new`` wherever ``old`` stood inside it, however deep.

    The spec itself is returned where ``old`` does not stand in it; ``old`` itself becomes ``new``.

    Raises
    ------
    SpecError
        If the changed spec cannot be: its fields are checked as always.
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
    """Return those of ``among`` that need the record of ``spec``, directly or through others."""
    found: dict[str, bool] = {spec.key: True}

    def needs(other: Spec) -> bool:
        if other.key not in found:
            found[other.key] = any(needs(parent) for parent in other.requires())
        return found[other.key]

    return [other for other in among if other.key != spec.key and needs(other)]
