"""The fields of specs: how they are declared, what they allow, and whether a value fits."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from engine.specs.errors import SpecError, shown

LARGEST_WHOLE = 2**63 - 1
NOUNS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def param(
    default: Any = dataclasses.MISSING,
    *,
    label: str = "",
    help: str = "",
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    faithful: Any = dataclasses.MISSING,
) -> Any:
    """Declare a field of a spec.

    Parameters
    ----------
    default
        Its value where none is given. A released default never changes: keys leave out defaults.
    label, help, unit
        What the form shows. ``unit`` "pixel" marks lengths in [0, 1] pixel units.
    low, high, above
        Closed lower and upper limit, and open lower limit, of a number (of each one in a tuple).
    faithful
        What the paper's released code does, where the default does better; see
        :mod:`engine.specs.variants`.
    """
    limits = {"label": label, "help": help, "unit": unit, "low": low, "high": high, "above": above}
    return dataclasses.field(default=default, metadata={**limits, "faithful": faithful})


@dataclass(frozen=True)
class Field:
    """One field of a spec as a form, a check or a command line sees it."""

    name: str
    type: Any
    optional: bool
    many: bool
    choices: tuple[str, ...]
    default: Any
    label: str
    help: str
    unit: str
    low: float | None
    high: float | None
    above: float | None
    faithful: Any = dataclasses.MISSING

    @property
    def is_switch(self) -> bool:
        """Whether the paper's released code does something else than the default."""
        return self.faithful is not dataclasses.MISSING

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is dataclasses.MISSING

    @property
    def is_spec(self) -> bool:
        """Whether the value is itself a spec (or a tuple of specs)."""
        return self.type not in NOUNS

    def allowed(self) -> str:
        """Say in words which values the field takes."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.is_spec:
            return f"a spec of kind {', '.join(self.type.kind_names())}"
        limits = [
            f"{word} {limit if isinstance(limit, int) else format(limit, 'g')}"
            for word, limit in (
                ("at least", self.low),
                ("above", self.above),
                ("at most", self.high),
            )
            if limit is not None
        ]
        words = " ".join([NOUNS[self.type], " and ".join(limits)]).strip()
        return f"a list, each item {words}" if self.many else words

    def checked(self, value: Any) -> Any:
        """Return a value as the field holds it; raise :class:`SpecError` where it cannot."""
        if value is None and self.optional:
            return None
        if self.many:
            if not isinstance(value, list | tuple):
                raise SpecError(f"{self.name} is {shown(value)}, must be {self.allowed()}")
            return tuple(self._checked_one(part) for part in value)
        return self._checked_one(value)

    def _checked_one(self, value: Any) -> Any:
        given = value
        whole = isinstance(value, int) and not isinstance(value, bool)
        if whole and abs(value) > LARGEST_WHOLE:
            raise SpecError(f"{self.name} is {shown(value)}, must be at most 2^63 - 1 in magnitude")
        if self.type is float and whole:
            value = float(value)
        if not self._fits(value):
            # Words are made only for the one value in a million that is wrong.
            raise SpecError(f"{self.name} is {shown(given)}, must be {self.allowed()}")
        if self.type in (int, float):
            return value + 0 if value else self.type(0)  # one zero: -0.0 would have another key
        return value

    def _fits(self, value: Any) -> bool:
        if not isinstance(value, self.type) or (self.type is not bool and isinstance(value, bool)):
            return False
        if self.choices:
            return value in self.choices
        if self.type not in (int, float):
            return True
        too_low = self.low is not None and value < self.low
        too_high = self.high is not None and value > self.high
        not_above = self.above is not None and value <= self.above
        return math.isfinite(value) and not (too_low or too_high or not_above)
