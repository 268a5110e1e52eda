"""Determine which code a spec follows: the paper's released code, its correction, or a user's own.

A field declared with ``param(..., faithful=value)`` is a switch: its default is the corrected
behaviour, ``value`` is the behaviour of the code released with the paper. This module reads the
switches of a whole spec, so that every result can be shown with its variant.

A kind that a file of the user declares has an :class:`~engine.specs.schema.Origin`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from engine.specs.errors import SpecError
from engine.specs.schema import (
    KINDS,
    ORIGINS,
    PLUGIN,
    Field,
    Origin,
    Spec,
    fields_of,
    specs_inside,
)
from engine.texts import one_line, shortened

S = TypeVar("S", bound=Spec)
LONGEST_NAME = 60  # letters of a file's name in a sentence
MOST_NAMED = 6


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


def absent_origins(form: object) -> set[Origin]:
    """Return the user's files, named anywhere in a spec's JSON, that are not loaded."""
    loaded = {origin.digest for origin in ORIGINS.values()}
    found: set[Origin] = set()
    parts = [form]
    while parts:
        part = parts.pop()
        if isinstance(part, Mapping):
            given = part.get(PLUGIN)
            name, _, digest = given.rpartition(" ") if isinstance(given, str) else ("", "", "")
            if name and digest not in loaded:
                found.add(Origin(name, digest))
            parts.extend(part.values())
        elif isinstance(part, list | tuple):
            parts.extend(part)
    return found


def absent_words(form: object) -> str:
    """Return which files of the user a spec's JSON needs that are not loaded; "" if none."""
    absent = sorted(absent_origins(form), key=lambda origin: origin.text)
    # Both texts come from the study, which may be a stranger's.
    files = [
        one_line(f"{shortened(origin.name, LONGEST_NAME)} (SHA-256 {origin.digest[:12]})")
        for origin in absent[:MOST_NAMED]
    ]
    files += [f"{len(absent) - MOST_NAMED:,} more"] if len(absent) > MOST_NAMED else []
    if not files:
        return ""
    if len(files) == 1:
        return f"the plugin {files[0]}, which is not loaded"
    return f"the plugins {', '.join(files)}, which are not loaded"


def origins_in(spec: Spec) -> set[Origin]:
    """Return the user's files that declare a spec, and the specs inside it.

    Raises
    ------
    SpecError
        If one of them has been loaded again with another content since the spec was made.
    """
    found: set[Origin] = set()
    visited: set[int] = set()
    specs = [spec]
    while specs:
        one = specs.pop()
        if id(one) in visited:
            continue
        visited.add(id(one))
        if one.origin is not None:
            if KINDS.get(one.kind) is not type(one):
                raise SpecError(f"{one.origin.name} has changed since this was asked for")
            found.add(one.origin)
        specs.extend(specs_inside(one))
    return found
