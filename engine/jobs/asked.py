"""Sentences on results that are sensible, but not what the fields of a spec make one expect."""

from __future__ import annotations

from engine.jobs.context import Context
from engine.specs import AttackSpec


def tell_fewer(context: Context, field: str, asked: int, there: int) -> None:
    """Tell the user that fewer images are there than a field asks for, if so."""
    if asked > there:
        context.notice(f"{field} is {asked:,}, but there are only {there:,}: all of them are taken")


def tell_no_radius(context: Context, field: str, attack: AttackSpec, then: str) -> None:
    """Tell the user that an attack of radius 0 changes nothing, and what follows, if it is one."""
    if attack.eps == 0:
        context.notice(f"{field}.eps is 0, so that no image is changed: {then}")
