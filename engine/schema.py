"""The mechanism of specs: declared fields, checks, JSON and TOML forms, and keys.

A spec is a frozen dataclass of plain values and other specs. Its fields are declared once, with
:func:`param`; the same declaration checks the value, draws the form and documents the plan file.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import math
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self, TypeVar

KEY_LENGTH = 20
SHOWN_LENGTH = 200  # characters of a value that a sentence quotes
LARGEST_WHOLE = 2**63 - 1


class SpecError(ValueError):
    """A value that a spec cannot hold; its text is one sentence for the user."""

    def within(self, where: str) -> SpecError:
        """Return the same error, its field named from one level further out."""
        return SpecError(f"{where}.{self}")


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
        :mod:`engine.variants`.
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
        return isinstance(self.type, type) and issubclass(self.type, Spec)

    def allowed(self) -> str:
        """Say in words which values the field takes."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.is_spec:
            kinds = ", ".join(kind.kind for kind in kinds_of(self.type))
            return f"a spec of kind {kinds}"
        noun = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
        limits = [
            f"{word} {limit if isinstance(limit, int) else format(limit, 'g')}"
            for word, limit in (
                ("at least", self.low),
                ("above", self.above),
                ("at most", self.high),
            )
            if limit is not None
        ]
        words = " ".join([noun[self.type], " and ".join(limits)]).strip()
        return f"a list, each item {words}" if self.many else words


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Base of all specs. A concrete spec names its ``kind`` when it is declared."""

    kind: ClassVar[str] = ""
    label: ClassVar[str] = ""
    recorded: ClassVar[bool] = False

    def __init_subclass__(cls, kind: str = "", label: str = "", recorded: bool | None = None):
        cls.kind = kind
        cls.label = label or kind.replace("_", " ")
        if recorded is not None:
            cls.recorded = recorded
        if kind:
            if kind in KINDS:
                raise TypeError(f"two specs are of kind {kind!r}")
            KINDS[kind] = cls

    def __post_init__(self) -> None:
        for item in fields_of(type(self)):
            value = _checked(item, getattr(self, item.name))
            object.__setattr__(self, item.name, value)
        self.check()

    def check(self) -> None:
        """Check what concerns several fields at once; raise :class:`SpecError`."""

    @property
    def title(self) -> str:
        """A short readable name."""
        return self.label

    def requires(self) -> tuple[Spec, ...]:
        """Return the specs whose records must exist before this one can be computed."""
        return tuple(dict.fromkeys(_recorded_inside(self)))

    @cached_property
    def key(self) -> str:
        """Hash of the canonical JSON: the name of the result, the same on every machine."""
        return hashlib.sha256(self._canonical.encode()).hexdigest()[:KEY_LENGTH]

    @cached_property
    def _canonical(self) -> str:
        """The JSON form, its names sorted, without the fields that hold their default.

        Leaving them out lets a later version add fields without renaming earlier results. The text
        is kept: thousands of retrainings share the specs inside them.
        """
        parts = {"kind": json.dumps(self.kind)}
        for item in fields_of(type(self)):
            value = getattr(self, item.name)
            if item.required or value != item.default:
                parts[item.name] = _canonical_text(value)
        return "{" + ",".join(f'"{name}":{parts[name]}' for name in sorted(parts)) + "}"

    def as_dict(self) -> dict[str, Any]:
        """Return the complete JSON form, every field named."""
        form: dict[str, Any] = {"kind": self.kind}
        for item in fields_of(type(self)):
            form[item.name] = _plain(getattr(self, item.name))
        return form

    def parameters(self) -> dict[str, Any]:
        """Return the fields as keyword arguments of the function that computes the spec."""
        return {item.name: getattr(self, item.name) for item in fields_of(type(self))}

    def replace(self, path: str, value: Any) -> Self:
        """Return a copy in which the field at a dotted path has another value.

        Raises
        ------
        SpecError
            If there is no such field, or it does not take the value.
        """
        name, _, rest = path.partition(".")
        _field_named(type(self), name)
        if rest:
            inner = getattr(self, name)
            if not isinstance(inner, Spec):
                raise SpecError(f"{name} is {inner!r} and has no field {rest!r}")
            try:
                value = inner.replace(rest, value)
            except SpecError as error:
                raise error.within(name) from None
        return dataclasses.replace(self, **{name: value})


S = TypeVar("S", bound=Spec)
KINDS: dict[str, type[Spec]] = {}
_FIELDS: dict[type[Spec], tuple[Field, ...]] = {}


def fields_of(cls: type[Spec]) -> tuple[Field, ...]:
    """Return the declared fields of a spec class, in order."""
    if cls not in _FIELDS:
        _FIELDS[cls] = _declared(cls)
    return _FIELDS[cls]


def _declared(cls: type[Spec]) -> tuple[Field, ...]:
    hints = typing.get_type_hints(cls)
    found = []
    for item in dataclasses.fields(cls):
        hint, optional, many = hints[item.name], False, False
        if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
            optional = True
            (hint,) = [part for part in typing.get_args(hint) if part is not type(None)]
        if typing.get_origin(hint) is tuple:
            many = True
            hint = typing.get_args(hint)[0]
        choices: tuple[str, ...] = ()
        if typing.get_origin(hint) is typing.Literal:
            choices = typing.get_args(hint)
            hint = str
        meta = dict(item.metadata)
        meta["label"] = meta.get("label") or item.name.replace("_", " ")
        for name in ("help", "unit"):
            meta.setdefault(name, "")
        for name in ("low", "high", "above"):
            meta.setdefault(name, None)
        found.append(
            Field(
                name=item.name,
                type=hint,
                optional=optional,
                many=many,
                choices=choices,
                default=item.default,
                **meta,
            )
        )
    return tuple(found)


def kinds_of(family: type[Spec]) -> tuple[type[Spec], ...]:
    """Return every concrete spec that may stand where ``family`` is asked for."""
    return tuple(cls for cls in KINDS.values() if issubclass(cls, family))


def from_dict(data: object, family: type[S] = Spec) -> S:  # type: ignore[assignment]
    """Build a spec from its JSON form, checking every field by name.

    Parameters
    ----------
    data
        A mapping with "kind" and the spec's fields; nested specs are mappings too.
    family
        The class that is wanted; any of its kinds is accepted.

    Raises
    ------
    SpecError
        One sentence: the field, its value, what is allowed.
    """
    if isinstance(data, family):
        return data
    if not isinstance(data, Mapping):
        raise SpecError(f"a spec is a table with a field 'kind', not {shown(data)}")
    wanted = kinds_of(family)
    kind = data.get("kind")
    if kind is None and len(wanted) == 1:
        kind = wanted[0].kind
    cls = next((known for known in wanted if known.kind == kind), None)
    if cls is None:
        names = [known.kind for known in wanted]
        raise SpecError(
            f"kind is {shown(kind)}{_suggestion(kind, names)}, must be {_one_of(names)}"
        )
    values: dict[str, Any] = {}
    for name, value in data.items():
        if name == "kind":
            continue
        item = _field_named(cls, str(name))
        values[item.name] = _nested(item, value)
    missing = [item for item in fields_of(cls) if item.required and item.name not in values]
    if missing:
        raise SpecError(f"{missing[0].name} is missing: {cls.kind} needs {missing[0].allowed()}")
    return typing.cast(S, cls(**values))


def _nested(item: Field, value: Any) -> Any:
    if not item.is_spec or value is None:
        return tuple(value) if item.many and isinstance(value, list) else value
    try:
        if item.many:
            if not isinstance(value, list | tuple):
                raise SpecError(f"is {shown(value)}, must be a list of specs")
            return tuple(from_dict(part, item.type) for part in value)
        return from_dict(value, item.type)
    except SpecError as error:
        raise error.within(item.name) from None


def _field_named(cls: type[Spec], name: str) -> Field:
    known = {item.name: item for item in fields_of(cls)}
    if name not in known:
        raise SpecError(
            f"{name[:SHOWN_LENGTH]} is not a field of {cls.kind or cls.__name__}"
            f"{_suggestion(name, list(known))}; it has {', '.join(known) or 'none'}"
        )
    return known[name]


def shown(value: object) -> str:
    """Return a value as a sentence may quote it, however long or deep it is."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, a deep list
        return f"a {type(value).__name__} too long to show"
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."


def _suggestion(name: object, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1) if isinstance(name, str) else []
    return f" (did you mean {near[0]!r}?)" if near else ""


def _one_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else "one of " + ", ".join(names)


def _checked(item: Field, value: Any) -> Any:
    if value is None and item.optional:
        return None
    if item.many:
        if not isinstance(value, list | tuple):
            raise SpecError(f"{item.name} is {shown(value)}, must be {item.allowed()}")
        return tuple(_checked_one(item, part) for part in value)
    return _checked_one(item, value)


def _checked_one(item: Field, value: Any) -> Any:
    given = value
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and abs(value) > LARGEST_WHOLE:
        raise SpecError(f"{item.name} is {shown(value)}, must be at most 2^63 - 1 in magnitude")
    if item.type is float and whole:
        value = float(value)
    if not _fits(item, value):
        # Words are made only for the one value in a million that is wrong.
        raise SpecError(f"{item.name} is {shown(given)}, must be {item.allowed()}")
    if item.type in (int, float):
        return value + 0 if value else item.type(0)  # one zero: -0.0 would have another key
    return value


def _fits(item: Field, value: Any) -> bool:
    if not isinstance(value, item.type) or (item.type is not bool and isinstance(value, bool)):
        return False
    if item.choices:
        return value in item.choices
    if item.type not in (int, float):
        return True
    too_low = item.low is not None and value < item.low
    too_high = item.high is not None and value > item.high
    not_above = item.above is not None and value <= item.above
    return math.isfinite(value) and not (too_low or too_high or not_above)


def _plain(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.as_dict()
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value


def _canonical_text(value: Any) -> str:
    if isinstance(value, Spec):
        return value._canonical
    if isinstance(value, tuple):
        return "[" + ",".join(map(_canonical_text, value)) + "]"
    return json.dumps(value)


def specs_inside(spec: Spec) -> Iterator[Spec]:
    """Yield the specs that stand directly in the fields of ``spec``."""
    for item in fields_of(type(spec)):
        value = getattr(spec, item.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Spec):
                yield part


def _recorded_inside(spec: Spec) -> Iterator[Spec]:
    for inner in specs_inside(spec):
        if inner.recorded:
            yield inner
        else:
            yield from _recorded_inside(inner)
