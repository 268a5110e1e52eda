"""Determine whether a spec follows the paper's released code (faithful) or corrects it.

A field declared with ``param(..., faithful=value)`` is a switch: its default is the corrected
behaviour, ``value`` is the behaviour of the code released with the paper. This module reads the
switches of a whole spec, so that every result can be shown with its variant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

from engine.specs.schema import Field, Spec, fields_of, specs_inside

S = TypeVar("S", bound=Spec)


def switches(spec: Spec) -> Iterator[tuple[Field, Any]]:
    """Yield every switch of a spec and of the specs inside it, with its value."""
    for item in fields_of(type(spec)):
        if item.is_switch:
            yield item, getattr(spec, item.name)
    for inner in specs_inside(spec):
        yield from switches(inner)


def variant(spec: Spec) -> str:
    """Return "corrected", "faithful", or "faithful in ..." with the names of faithful switches.

    A spec without switches has no variant: "".
    """
    found: dict[str, list[bool]] = {}
    for item, value in switches(spec):
        found.setdefault(item.label, []).append(value == item.faithful)
    names = [name for name, values in found.items() if all(values)]
    mixed = [name for name, values in found.items() if any(values) and not all(values)]
    if not found:
        return ""
    if not names and not mixed:
        return "corrected"
    if len(names) == len(found):
        return "faithful"
    return "faithful in " + ", ".join([*names, *(f"{name} (partly)" for name in mixed)])


def faithful(spec: S) -> S:
    """Return the spec with all switches, including those of inner specs, set to faithful."""
    values: dict[str, Any] = {}
    for item in fields_of(type(spec)):
        value = getattr(spec, item.name)
        if item.is_switch:
            values[item.name] = item.faithful
        elif isinstance(value, Spec):
            values[item.name] = faithful(value)
        elif item.is_spec and isinstance(value, tuple):
            values[item.name] = tuple(faithful(part) for part in value)
    return replace(spec, **values)
