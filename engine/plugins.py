"""Methods of the user: one Python file with the same spec, function and row as ours.

Once :func:`load` has run the file, its attacks, attributions, training schemes and metrics are like
those of the program. Loading runs the file's code, so a file is loaded only when the user names it:
never from a study, never by itself. The SHA-256 of the file is part of the keys of all that is
computed with it, see :class:`engine.specs.schema.Origin`; two files of different content never
share a record.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import itertools
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from engine.attacks.table import ATTACKS
from engine.attribution.table import ATTRIBUTIONS, OWN_FIELDS
from engine.measures.measure import METRICS
from engine.plugin_calls import (
    Function,
    PluginError,
    called,
    fault,
    guard_class,
    guarded_attack,
    guarded_attribution,
    guarded_metric,
    guarded_scheme,
    line_of,
)
from engine.specs import AttackSpec, AttributionSpec, MetricSpec, SchemeSpec
from engine.specs.fields import NOUNS
from engine.specs.schema import KINDS, ORIGINS, Origin, Spec, fields_of, forget_kind, kinds_of
from engine.store.files import NotAFile, open_regular
from engine.store.outputs import OutputError, check_outside_studies
from engine.training.schemes import SCHEMES, Scheme

__all__ = ["Plugin", "PluginError", "digest_of", "forget", "load", "loaded"]

LARGEST = 4 << 20  # bytes of a file
KIND = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class Family:
    """What a file may declare.

    Attributes
    ----------
    name
        What it is called in messages.
    base
        The class below which its specs stand.
    row, table
        The name of the table of its functions, and that table.
    guard
        Puts the checks of :mod:`engine.plugin_calls` around a function.
    arguments
        What the function is called with: positions, and keywords beside the fields of the spec.
    """

    name: str
    base: type[Spec]
    row: str
    table: dict[str, Any]
    guard: Callable[[Path, Any], Any]
    arguments: tuple[int, tuple[str, ...]]


FAMILIES = (
    Family(
        "attack",
        AttackSpec,
        "ATTACKS",
        ATTACKS,
        guarded_attack,
        (3, ("objective", "start", "generator", "on_step")),
    ),
    Family(
        "attribution",
        AttributionSpec,
        "ATTRIBUTIONS",
        ATTRIBUTIONS,
        guarded_attribution,
        (3, ("generator",)),
    ),
    Family("training scheme", SchemeSpec, "SCHEMES", SCHEMES, guarded_scheme, (4, ())),
    Family("metric", MetricSpec, "METRICS", METRICS, guarded_metric, (5, ())),
)


@dataclass(frozen=True)
class Plugin:
    """A file that is loaded.

    Attributes
    ----------
    path
        Where it was read, absolute.
    origin
        Its name and the SHA-256 of its bytes.
    kinds
        The kinds that it declares.
    module
        Its content: classes and functions by name.
    """

    path: Path
    origin: Origin
    kinds: tuple[str, ...]
    module: ModuleType

    @property
    def title(self) -> str:
        """Its file name and what it declares, in words."""
        return f"{self.path.name}: " + ", ".join(KINDS[kind].label for kind in self.kinds)


_LOADED: dict[str, Plugin] = {}  # by digest
_CHANGING = threading.RLock()


def loaded() -> tuple[Plugin, ...]:
    """Return the files that are loaded, oldest first."""
    return tuple(_LOADED.values())


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, without running it; raise as :func:`load`."""
    return hashlib.sha256(_read(path)).hexdigest()


def load(path: Path, digest: str | None = None) -> Plugin:
    """Run a file and take up the methods that it declares; one that is loaded stays as it is.

    A file that has changed since it was loaded takes the place of what it was. If it cannot be
    loaded, nothing has changed.

    Parameters
    ----------
    digest
        The SHA-256 of the content that the user allowed; other content is not run.

    Raises
    ------
    PluginError
        If the file cannot be read, lies in a study, raises, or declares no method that could be
        used. The message names the file, and the line.
    """
    source = _read(path)
    origin = Origin(path.name, hashlib.sha256(source).hexdigest())
    if digest not in (None, origin.digest):
        raise PluginError(f"{path.name} has changed since it was allowed")
    with _CHANGING:
        if origin.digest in _LOADED:
            return _LOADED[origin.digest]
        place = path.resolve()
        before = [plugin for plugin in loaded() if plugin.path == place]
        kept = [(plugin, _taken_away(plugin)) for plugin in before]
        try:
            return _run(place, source, origin)
        except BaseException:
            for plugin, rows in kept:
                _put_back(plugin, rows)
            raise


def forget(plugin: Plugin) -> None:
    """Take the methods of a file away again; records of them are shown, but not understood."""
    with _CHANGING:
        _taken_away(plugin)


def _read(path: Path) -> bytes:
    if path.suffix != ".py":
        raise PluginError(f"plugin is {path.name!r}, must be a Python file that ends in .py")
    try:
        check_outside_studies(path)
        with open_regular(path) as file:
            source = file.read(LARGEST + 1) or b""
    except OutputError as error:
        raise PluginError(f"{path.name} is not run: {error}") from error
    except NotAFile as error:
        raise PluginError(f"plugin is {path}: {error.strerror}") from error
    except OSError as error:
        raise PluginError(f"plugin {path} cannot be read: {error.strerror or error}") from error
    if len(source) > LARGEST:
        raise PluginError(f"{path.name} has more than {LARGEST >> 20} MB, too many for a plugin")
    return source


def _run(path: Path, source: bytes, origin: Origin) -> Plugin:
    """Run the code; keep what it declared, or nothing of it."""
    module = ModuleType(f"isthmus_plugin_{origin.digest[:16]}")
    module.__file__ = str(path)
    known, rows = set(KINDS), [dict(family.table) for family in FAMILIES]
    ORIGINS[module.__name__], sys.modules[module.__name__] = origin, module
    try:
        tree, code = _parsed(path, source)
        called(path, exec, code, module.__dict__)
        kinds = [kind for kind in KINDS if kind not in known]
        _check_rows(path, source, rows)
        _check_classes(path, tree, module, kinds)
        for kind in kinds:
            _take_up(path, KINDS[kind], _lines(tree).get(KINDS[kind].__name__, 0))
        if not kinds:
            raise PluginError(
                f"{path.name} declares no method: no class in it has a kind; main.py methods "
                "--template attribution writes one that has"
            )
    except BaseException:
        for kind in set(KINDS) - known:
            forget_kind(kind)
        for family, content in zip(FAMILIES, rows, strict=True):
            family.table.clear()
            family.table.update(content)
        del ORIGINS[module.__name__], sys.modules[module.__name__]
        raise
    plugin = _LOADED[origin.digest] = Plugin(path, origin, tuple(kinds), module)
    return plugin


def _parsed(path: Path, source: bytes) -> tuple[ast.Module, CodeType]:
    try:
        tree = ast.parse(source, str(path))
        return tree, compile(tree, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise PluginError(f"{path.name}, line {error.lineno or 1}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise fault(path, error) from error


def _check_rows(path: Path, source: bytes, before: list[dict[str, Any]]) -> None:
    """Refuse rows that replace one of the program, or that no kind of the file belongs to."""
    for family, rows in zip(FAMILIES, before, strict=True):
        for kind, function in family.table.items():
            if rows.get(kind) is function:
                continue
            where = _place(path, _line_with(source, family.row + "["))
            if kind in rows:
                raise PluginError(
                    f"{where}: {family.row} has a row {kind!r} already; a new method needs another"
                )
            cls = KINDS.get(kind)
            if cls is None or not issubclass(cls, family.base):
                raise PluginError(
                    f"{where}: {family.row} has a row {kind!r}, which is no kind of {family.name} "
                    "that the file declares"
                )
        if gone := set(rows) - set(family.table):
            raise PluginError(f"{path.name} takes the row {min(gone)!r} out of {family.row}")


def _check_classes(path: Path, tree: ast.Module, module: ModuleType, kinds: list[str]) -> None:
    """Refuse specs of the file that forms, plans or lists of methods could not show."""
    lines = _lines(tree)
    for kind in kinds:
        cls = KINDS[kind]
        where = _place(path, lines.get(cls.__name__, 0))
        if cls.__module__ != module.__name__:
            raise PluginError(f"{where}: {kind!r} is declared in {cls.__module__}, not in the file")
        for problem in called(path, _first_problem, cls):
            raise PluginError(f"{where}: {problem}")


def _first_problem(cls: type[Spec]) -> list[str]:
    return list(itertools.islice(_problems_of(cls), 1))


def _problems_of(cls: type[Spec]) -> Iterator[str]:
    name, family = cls.__name__, _family_of(cls)
    if family is None:
        known = ", ".join(f"{one.name} ({one.base.__name__})" for one in FAMILIES)
        yield f"{name} stands below none of {known}"
        return
    if not KIND.fullmatch(cls.kind):
        yield f"{name}: kind is {cls.kind!r}, must be lower-case letters, digits and _"
    parameters = cls.__dict__.get("__dataclass_params__")
    if parameters is None or not parameters.frozen:
        yield f"{name} lacks @dataclass(frozen=True, kw_only=True) above it"
        return
    if not (cls.__doc__ or "").strip() or (cls.__doc__ or "").startswith(f"{name}("):
        yield f"{name} has no docstring; its first sentence says in the forms what the method is"
    alike = [k for k in kinds_of(family.base) if k is not cls and k.label == cls.label]
    if alike:
        yield f"{name}: label is {cls.label!r}, which {alike[0].kind!r} has already"
    for field in fields_of(cls):
        if hasattr(Spec, field.name) or field.name == "plugin":
            yield f"{name}: a field cannot be called {field.name!r}, every spec has one"
        elif field.required:
            yield f"{name}: the field {field.name!r} needs a default"
        elif field.type not in NOUNS and not _is_spec_class(field.type):
            yield f"{name}: the field {field.name!r} is of no type that a spec can hold"
    if cls.kind not in family.table:
        yield f"{name} has no function: {family.row}[{name}.kind] = ... is missing"


def _take_up(path: Path, cls: type[Spec], line: int) -> None:
    """Put checks around a kind's class and function, and try both as far as that can be done."""
    family = _family_of(cls)
    assert family is not None
    guard_class(path, cls, line)
    where = _place(path, line)
    try:
        spec = cls()
    except PluginError:
        raise
    except ValueError as error:
        raise PluginError(f"{where}: {cls.__name__} has a wrong default: {error}") from error
    row = family.table[cls.kind]
    if (family.row == "SCHEMES") != isinstance(row, Scheme):
        wanted = "Scheme(step)" if family.row == "SCHEMES" else "a function"
        raise PluginError(f"{where}: {family.row}[{cls.kind!r}] must be {wanted}")
    _check_arguments(path, family, spec, row)
    family.table[cls.kind] = family.guard(path, row)


def _check_arguments(path: Path, family: Family, spec: Spec, row: Any) -> None:
    """Refuse a function that does not take what it will be called with."""
    count, keywords = family.arguments
    fields = () if family.row == "METRICS" else tuple(spec.parameters())
    if family.row == "ATTRIBUTIONS":
        fields = tuple(name for name in fields if name not in OWN_FIELDS)
        keywords += ("training",) if getattr(spec, "training_images", 0) else ()
    _bind(path, row.step if isinstance(row, Scheme) else row, count, (*fields, *keywords))
    if isinstance(row, Scheme):
        for function in filter(None, (row.begin, row.evaluated)):
            _bind(path, function, 1, fields)


def _bind(path: Path, function: Function, count: int, keywords: tuple[str, ...]) -> None:
    if not callable(function):
        raise PluginError(f"{path.name}: {function!r} is no function")
    try:
        inspect.signature(function).bind(*[None] * count, **dict.fromkeys(keywords))
    except (TypeError, ValueError) as error:
        name = getattr(function, "__name__", "the function")
        wanted = f"{count} in their places" + (f" and {', '.join(keywords)}" if keywords else "")
        raise PluginError(
            f"{_place(path, line_of(function))}: {name} is called with {wanted}, but {error}"
        ) from error


def _taken_away(plugin: Plugin) -> list[tuple[type[Spec], Any]]:
    """Take a file's kinds out of every table; return what :func:`_put_back` needs."""
    rows = []
    for kind in plugin.kinds:
        cls = KINDS[kind]
        family = _family_of(cls)
        assert family is not None
        rows.append((cls, family.table.pop(kind)))
        forget_kind(kind)
    del ORIGINS[plugin.module.__name__], _LOADED[plugin.origin.digest]
    sys.modules.pop(plugin.module.__name__, None)
    return rows


def _put_back(plugin: Plugin, rows: list[tuple[type[Spec], Any]]) -> None:
    sys.modules[plugin.module.__name__] = plugin.module
    ORIGINS[plugin.module.__name__] = plugin.origin
    _LOADED[plugin.origin.digest] = plugin
    for cls, function in rows:
        KINDS[cls.kind] = cls
        family = _family_of(cls)
        assert family is not None
        family.table[cls.kind] = function


def _family_of(cls: type[Spec]) -> Family | None:
    return next((family for family in FAMILIES if issubclass(cls, family.base)), None)


def _is_spec_class(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Spec)


def _lines(tree: ast.Module) -> dict[str, int]:
    """Return the line of every class in a file, by name."""
    return {node.name: node.lineno for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def _line_with(source: bytes, text: str) -> int:
    """Return the first line that holds a text, or 0."""
    lines = source.decode("utf-8", "replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if text in line), 0)


def _place(path: Path, line: int) -> str:
    return f"{path.name}, line {line}" if line else path.name
