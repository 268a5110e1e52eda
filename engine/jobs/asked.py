"""Sentences on results that are sensible, but not what the fields of a spec make one expect."""

from __future__ import annotations

from engine.jobs.context import Context
from engine.specs import AttackSpec
from engine.specs.schema import Spec, fields_of


def tell_fewer(context: Context, spec: Spec, field: str, there: int) -> None:
    """Tell the user that fewer images are there than a field of a spec asks for, if so.

    A field's default is a limit that nobody asked for, and is not told.
    """
    asked = getattr(spec, field)
    default = next(item.default for item in fields_of(type(spec)) if item.name == field)
    if asked > there and asked != default:
        context.notice(f"{field} is {asked:,}, but there are only {there:,}: all of them are taken")


def tell_no_radius(context: Context, field: str, attack: AttackSpec, then: str) -> None:
    """Tell the user that an attack of radius 0 changes nothing, and what follows, if it is one."""
    if attack.eps == 0:
        context.notice(f"{field}.eps is 0, so that no image is changed: {then}")
