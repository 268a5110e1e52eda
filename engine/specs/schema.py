"""The base of all specs: declared fields, checks, JSON and TOML forms, and keys.

A spec is a frozen dataclass of plain values and other specs. Each field is declared once, with
:func:`param`; the declaration is used to check values, build the form and document the plan file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Self, TypeVar

from engine.specs.errors import SHOWN_LENGTH, SpecError, one_of, shown, suggestion
from engine.specs.fields import Field, param

__all__ = [
    "KEY_LENGTH",
    "KINDS",
    "ORIGINS",
    "Field",
    "Origin",
    "Spec",
    "SpecError",
    "fields_of",
    "forget_kind",
    "from_dict",
    "kind_label",
    "kinds_of",
    "param",
    "shown",
    "specs_inside",
]

KEY_LENGTH = 20
PLUGIN = "plugin"
"""The name in JSON of a spec's :class:`Origin`, where it has one."""


@dataclass(frozen=True)
class Origin:
    """The file of the user that declares a kind of spec, see :mod:`engine.plugins`.

    Attributes
    ----------
    name
        Its file name, without folder.
    digest
        The SHA-256 of its bytes, in hexadecimal.
    """

    name: str
    digest: str

    @property
    def text(self) -> str:
        """What stands in the JSON form of a spec: name and digest."""
        return f"{self.name} {self.digest}"


ORIGINS: dict[str, Origin] = {}
"""Name of a module -> the file of the user that it was made of; no module of the program has one.
"""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Base of all specs. A concrete spec names its ``kind`` when it is declared.

    Attributes
    ----------
    origin
        The user's file that declares the kind; None for the kinds of the program.
    """

    kind: ClassVar[str] = ""
    label: ClassVar[str] = ""
    recorded: ClassVar[bool] = False
    origin: ClassVar[Origin | None] = None

    def __init_subclass__(cls, kind: str = "", label: str = "", recorded: bool | None = None):
        cls.kind = kind
        cls.label = label or kind.replace("_", " ")
        cls.origin = ORIGINS.get(cls.__module__)
        if recorded is not None:
            cls.recorded = recorded
        if kind:
            if kind in KINDS:
                raise TypeError(f"two specs are of kind {kind!r}; a new one needs another name")
            KINDS[kind] = cls

    def __post_init__(self) -> None:
        for item in fields_of(type(self)):
            given = getattr(self, item.name)
            if given is not item.standard and (value := item.checked(given)) is not given:
                object.__setattr__(self, item.name, value)
        self.check()

    @classmethod
    def kind_names(cls) -> list[str]:
        """Return the names of the concrete kinds of this class and its subclasses."""
        return list(_kinds_below(cls))

    def check(self) -> None:
        """Check conditions on several fields together; raise :class:`SpecError`."""

    @property
    def title(self) -> str:
        """A short readable name."""
        return self.label

    def requires(self) -> tuple[Spec, ...]:
        """Return the specs whose records must exist before this one can be computed."""
        # By key, not by value: thousands of specs share inner ones, whose keys are known.
        return tuple({one.key: one for one in self._recorded_inside}.values())

    @cached_property
    def parents(self) -> tuple[Spec, ...]:
        """What :meth:`requires` returns, kept: naming, queueing and retrying a plan all ask."""
        return self.requires()

    @cached_property
    def _recorded_inside(self) -> tuple[Spec, ...]:
        found: list[Spec] = []
        for inner in specs_inside(self):
            found += (inner,) if inner.recorded else inner._recorded_inside
        return tuple(found)

    @cached_property
    def key(self) -> str:
        """Hash of the canonical JSON, the same on every machine; it names the spec's record."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()[:KEY_LENGTH]

    @cached_property
    def canonical(self) -> str:
        """The JSON form with sorted names, without fields that have their default value.

        Because defaults are left out, a later version can add fields without changing the keys of
        earlier results. The text is cached, because thousands of retrainings share inner specs. The
        content of a user's file is part of it, the file's name is not.
        """
        parts = [f'"kind":{json.dumps(self.kind)}']
        if self.origin is not None:
            parts.append(f'"{PLUGIN}":{json.dumps(self.origin.digest)}')
        for item in fields_of(type(self)):
            value = getattr(self, item.name)
            if value is not item.default and value != item.default:
                parts.append(f'"{item.name}":{_canonical_text(value)}')
        # A quote sorts before all that names consist of, so this is the order of the names.
        return "{" + ",".join(sorted(parts)) + "}"

    def as_dict(self) -> dict[str, Any]:
        """Return the complete JSON form, including fields with default values."""
        form: dict[str, Any] = {"kind": self.kind}
        if self.origin is not None:
            form[PLUGIN] = self.origin.text
        for item in fields_of(type(self)):
            form[item.name] = _plain(getattr(self, item.name))
        return form

    def parameters(self) -> dict[str, Any]:
        """Return the fields as keyword arguments for the function that computes the spec."""
        return {item.name: getattr(self, item.name) for item in fields_of(type(self))}

    def replace(self, path: str, value: Any) -> Self:
        """Return a copy with another value for the field at a dotted path.

        Raises
        ------
        SpecError
            If there is no such field, or the value is not allowed.
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
_FIELDS: dict[type[Spec], dict[str, Field]] = {}
_IN_ORDER: dict[type[Spec], tuple[Field, ...]] = {}
_HOLDERS: dict[type[Spec], tuple[str, ...]] = {}
_FAMILIES: dict[type[Spec], tuple[int, dict[str, type[Spec]]]] = {}


def fields_of(cls: type[Spec]) -> tuple[Field, ...]:
    """Return the declared fields of a spec class, in order."""
    if cls not in _IN_ORDER:
        _IN_ORDER[cls] = tuple(_named_fields(cls).values())
    return _IN_ORDER[cls]


def _named_fields(cls: type[Spec]) -> dict[str, Field]:
    if cls not in _FIELDS:
        _FIELDS[cls] = {item.name: item for item in _declared(cls)}
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
    """Return every concrete spec class that is ``family`` or a subclass of it."""
    return tuple(_kinds_below(family).values())


def _kinds_below(family: type[Spec]) -> dict[str, type[Spec]]:
    """Return the kinds of a family by name; cached until another kind is declared."""
    count, found = _FAMILIES.get(family, (0, {}))
    if count != len(KINDS):
        found = {kind: cls for kind, cls in KINDS.items() if issubclass(cls, family)}
        _FAMILIES[family] = len(KINDS), found
    return found


def kind_label(kind: str) -> str:
    """Return the readable name of a kind; of a plugin's that is not here, the kind itself."""
    return KINDS[kind].label if kind in KINDS else kind


def forget_kind(kind: str) -> None:
    """Take a kind away again, as unloading a user's file does; its specs are read no more."""
    del KINDS[kind]
    _FAMILIES.clear()
    _from_text.cache_clear()


def from_dict(data: object, family: type[S] = Spec) -> S:  # type: ignore[assignment]
    """Build a spec from its JSON form, checking every field by name.

    Parameters
    ----------
    data
        A mapping with "kind" and the spec's fields; nested specs are mappings too.
    family
        The required base class; all of its kinds are accepted.

    Raises
    ------
    SpecError
        If a field is wrong. The message names the field, its value and what is allowed.
    """
    if isinstance(data, family):
        return data
    if not isinstance(data, Mapping):
        raise SpecError(f"a spec is a table with a field 'kind', not {shown(data)}")
    wanted = _kinds_below(family)
    kind = data.get("kind")
    if kind is None and len(wanted) == 1:
        (kind,) = wanted
    cls = wanted.get(kind) if isinstance(kind, str) else None
    if PLUGIN in data:
        check_origin(kind, data[PLUGIN], cls)
    if cls is None:
        names = list(wanted)
        raise SpecError(f"kind is {shown(kind)}{suggestion(kind, names)}, must be {one_of(names)}")
    values: dict[str, Any] = {}
    for name, value in data.items():
        if name in ("kind", PLUGIN):
            continue
        item = _field_named(cls, str(name))
        values[item.name] = _nested(item, value)
    missing = [item for item in fields_of(cls) if item.required and item.name not in values]
    if missing:
        raise SpecError(f"{missing[0].name} is missing: {cls.kind} needs {missing[0].allowed()}")
    return typing.cast(S, cls(**values))


def check_origin(kind: object, given: object, cls: type[Spec] | None) -> None:
    """Raise :class:`SpecError` unless a spec's JSON names the file that declares its kind here.

    Parameters
    ----------
    given
        Name and digest of the file, see :attr:`Origin.text`.
    cls
        The class of this kind, or None if there is none.
    """
    name, _, digest = given.rpartition(" ") if isinstance(given, str) else ("", "", "")
    if cls is not None and cls.origin is not None and cls.origin.digest == digest:
        return
    file = f"the plugin {shown(name or given)} (SHA-256 {digest[:12]})"
    loaded = "" if cls is None or cls.origin is None else "; the one that is loaded differs"
    raise SpecError(f"kind is {shown(kind)} of {file}, which is not loaded{loaded}")


def _nested(item: Field, value: Any) -> Any:
    if not item.is_spec or value is None:
        return tuple(value) if item.many and isinstance(value, list) else value
    try:
        if item.many:
            if not isinstance(value, list | tuple):
                raise SpecError(f"is {shown(value)}, must be a list of specs")
            return tuple(_shared(part, item.type) for part in value)
        return _shared(value, item.type)
    except SpecError as error:
        raise error.within(item.name) from None


def _shared(data: object, family: type[Spec]) -> Spec:
    """Return the same object for equal inner specs, as thousands of records share them."""
    try:
        return _from_text(json.dumps(data), family)  # type: ignore[arg-type]
    except (TypeError, RecursionError):  # not plain JSON, for example with a spec as a value
        return from_dict(data, family)


@lru_cache(maxsize=1024)
def _from_text(text: str, family: type[Spec]) -> Spec:
    return from_dict(json.loads(text), family)


def _field_named(cls: type[Spec], name: str) -> Field:
    known = _named_fields(cls)
    if name not in known:
        raise SpecError(
            f"{name[:SHOWN_LENGTH]} is not a field of {cls.kind or cls.__name__}"
            f"{suggestion(name, list(known))}; it has {', '.join(known) or 'none'}"
        )
    return known[name]


def _plain(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.as_dict()
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value


def _canonical_text(value: Any) -> str:
    if isinstance(value, Spec):
        return value.canonical
    if isinstance(value, tuple):
        return "[" + ",".join(map(_canonical_text, value)) + "]"
    if type(value) in (int, float):  # as JSON writes them, without the way there
        return repr(value)
    return json.dumps(value)


def specs_inside(spec: Spec) -> Iterator[Spec]:
    """Yield the specs that are direct field values of ``spec``, or items of a tuple in a field."""
    cls = type(spec)
    if cls not in _HOLDERS:
        _HOLDERS[cls] = tuple(item.name for item in fields_of(cls) if item.is_spec)
    for name in _HOLDERS[cls]:
        value = getattr(spec, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Spec):
                yield part
