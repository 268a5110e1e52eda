"""The fields of specs: declare them, describe allowed values, and check values."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from engine.specs.errors import SpecError, shown, suggestion

Form = Literal["corrected", "released"]
"""How something is computed: without, or with, the differences of the paper's released code."""

_NEVER = object()
MANY = 12  # more choices than these are not all named in an error message
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
    only: tuple[str, str] | None = None,
    listed: str = "",
) -> Any:
    """Declare a field of a spec.

    Parameters
    ----------
    default
        The value if none is given. Never change a released default, because keys omit defaults.
    label, help, unit
        Texts shown in the form. ``unit`` "pixel" marks lengths in [0, 1] pixel units.
    low, high, above
        Closed lower and upper limit, and open lower limit, of a number (of each one in a tuple).
    faithful
        The value used by the paper's released code, if the default corrects that code; see
        :mod:`engine.specs.variants`.
    only
        Another field of the spec and its value with which this field matters; forms hide the field
        otherwise.
    listed
        The list of names in which forms let the user search for a value.
    """
    limits = {"label": label, "help": help, "unit": unit, "low": low, "high": high, "above": above}
    return dataclasses.field(
        default=default,
        metadata={**limits, "faithful": faithful, "only": only, "listed": listed},
    )


@dataclass(frozen=True)
class Field:
    """The description of one field, used by forms, checks and the command line."""

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
    only: tuple[str, str] | None = None
    listed: str = ""

    @cached_property
    def standard(self) -> Any:
        """The default, if :meth:`checked` returns it as it is; else what no field ever has.

        Plans of thousands of specs are mostly defaults, which need no check each time.
        """
        if self.required:
            return _NEVER
        try:
            value = self.checked(self.default)
        except SpecError:
            return _NEVER
        same = type(value) is type(self.default) and repr(value) == repr(self.default)
        return self.default if value is self.default or same else _NEVER

    @property
    def is_switch(self) -> bool:
        """Whether the paper's released code uses another value than the default."""
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
        """Return in words which values are allowed."""
        if len(self.choices) > MANY:
            return f"one of {len(self.choices)} names such as {', '.join(self.choices[:MANY])}"
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
        """Return a value converted to the field's type; raise :class:`SpecError` if invalid."""
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
            # Build the text of allowed() only for an invalid value, because it is slow.
            near = suggestion(given, list(self.choices))
            raise SpecError(f"{self.name} is {shown(given)}{near}, must be {self.allowed()}")
        if self.type in (int, float):
            return value + 0 if value else self.type(0)  # -0.0 to 0.0, so that both have one key
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
