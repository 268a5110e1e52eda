"""Plan files: a list of specs written once in TOML, with names, references and sweeps.

    title = "Two strengths on Glyphs"
    about = "What they do to the gradient."
    run = ["robust"]

    [specs.images]
    kind = "glyphs"

    [specs.robust]
    kind = "training"
    images = "@images"
    network = { kind = "small_cnn" }
    scheme = { kind = "adversarial", attack = { kind = "pgd", eps = { each = [0.1, 0.2] } } }

"@name" refers to a named spec and ``{ each = [...] }`` sweeps over several values; a reference to a
name that holds several specs is a sweep too. Of all combinations, ``same`` keeps those in which
fields agree: ``same = [["seed", "classifier.seed"]]`` pairs what is swept twice. ``run`` lists the
names to compute; the specs that these require are computed as well. ``about`` says in a sentence or
two what the plan is for; it may be left out.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.program import ROOT
from engine.specs import ImagesSpec, StoredImages
from engine.specs.errors import suggestion
from engine.specs.schema import (
    KINDS,
    Spec,
    SpecError,
    fields_of,
    from_dict,
    kinds_of,
    shown,
    specs_inside,
)
from engine.store.files import read_text

IngestWith = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
PRESETS = ROOT / "resources" / "presets"
FIELDS = ("title", "about", "run", "specs")
MOST_VARIANTS = 100_000  # specs that one entry of a plan may stand for
MOST_BYTES = 8 << 20  # a text of many small entries needs 50 times as much memory
MOST_DEPTH = 50
MOST_DOTS = 2000  # in the name of an entry: the parser's work grows with their square


@dataclass(frozen=True)
class Plan:
    """What a plan file asks for.

    Attributes
    ----------
    title
        One line for the user.
    specs
        What to compute, in order; what these require is not listed.
    named
        Every named entry of the file, as the list of specs it stands for.
    """

    title: str
    specs: list[Spec]
    named: Mapping[str, list[Spec]]

    @property
    def images(self) -> ImagesSpec | None:
        """The first images that the plan computes with, or None."""
        waiting = self.specs[::-1]
        while waiting:
            spec = waiting.pop()
            if isinstance(spec, ImagesSpec):
                return spec
            waiting += list(specs_inside(spec))[::-1]
        return None


@dataclass(frozen=True)
class Head:
    """What a plan file says of itself, before any image is read.

    Attributes
    ----------
    path
        The file.
    title, about
        One line, and a sentence or two or "".
    images
        The paths or names of data that it reads images from.
    """

    path: Path
    title: str
    about: str
    images: tuple[str, ...]


def presets() -> list[str]:
    """Return the names of the built-in plans."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def load_preset(name: str) -> Plan:
    """Return a built-in plan; raise :class:`SpecError` if there is none of this name."""
    return read_plan(find_plan(name))


def find_plan(name: str) -> Path:
    """Return the file of a preset's name or of a path; raise :class:`SpecError` if neither."""
    if name in presets():
        return PRESETS / f"{name}.toml"
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    known = [*presets(), *map(str, path.parent.glob("*.toml"))]
    raise SpecError(
        f"plan is {name!r}{suggestion(name, known)}, must be a .toml file that exists or one of "
        f"{', '.join(presets())}"
    )


def head_of(path: Path) -> Head:
    """Return what a plan file says of itself; raise :class:`SpecError` if it is none."""
    data = _parse(path)
    tables = [table for table in data["specs"].values() if isinstance(table, dict)]
    named = {str(table["path"]): None for table in tables if "path" in table}
    return Head(path, data["title"], data["about"], tuple(named))


def read_plan(
    path: Path,
    *,
    settings: Sequence[str] = (),
    images: str | None = None,
    seed: int | None = None,
    ingest: Callable[[str], Mapping[str, Any]] | None = None,
    ingest_with: IngestWith | None = None,
) -> Plan:
    """Read a plan file.

    Parameters
    ----------
    settings
        Each is "name.field=value" and changes a field of a named spec before sweeps are expanded.
        The value is read as TOML or, if that fails, as text.
    images
        A path that replaces the images named "images". If the file gives these a path as well, the
        fields that say how files become images are kept.
    seed
        Replaces the ``seed`` of every named spec except the images.
    ingest
        Reads the images at a path and returns the JSON form of their spec. A table of images may
        hold a ``path`` instead of the name and content hash; this function then supplies both.
    ingest_with
        The same, but it also takes the fields that the plan sets, so that images can be read at the
        plan's size at once.

    Raises
    ------
    SpecError
        If the plan is invalid. The message names the place in the file, the value and what is
        allowed.
    """
    data = _parse(path)
    tables = data["specs"]
    if images is not None:
        known = {field.name for cls in kinds_of(StoredImages) for field in fields_of(cls)}
        _check_uses_images(path.name, data, tables)
        given = tables.get("images")
        before = given if isinstance(given, dict) else {}
        kept = {name: value for name, value in before.items() if name in known and "path" in before}
        tables["images"] = {**kept, "path": images}
    if seed is not None:
        _set_seed(tables, seed)
    for setting in settings:
        _apply(tables, setting)
    for name, table in tables.items():
        if isinstance(table, dict) and "path" in table:
            try:
                tables[name] = _read_images(table, ingest, ingest_with)
            except SpecError as error:
                raise SpecError(f"{path.name}: specs.{name}.{error}") from None
    return _expanded(path, data, tables)


def _check_uses_images(name: str, data: Mapping[str, Any], tables: Mapping[str, Any]) -> None:
    """Raise if no part of a plan would take other images: they would be left out in silence."""
    waiting = [data.get("run"), *(table for key, table in tables.items() if key != "images")]
    if "images" in tables and "run" not in data:
        return
    while waiting:
        part = waiting.pop()
        if part == "@images" or (part == "images" and "images" in tables):
            return
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    raise SpecError(
        f'{name} has nothing to compute with other images: no spec in it says images = "@images"'
    )


def _read_images(
    table: Mapping[str, Any],
    ingest: Callable[[str], Mapping[str, Any]] | None,
    ingest_with: IngestWith | None,
) -> dict[str, Any]:
    path = str(table["path"])
    # A sweep stands for several sets, none of which is the one to read now.
    plain = {name: value for name, value in table.items() if isinstance(value, str | int | float)}
    if ingest_with is not None:
        found = ingest_with(path, plain)
    elif ingest is not None:
        found = ingest(path)
    else:
        raise SpecError(f"path is {shown(table['path'])}, but no images can be read here")
    rest = {name: value for name, value in table.items() if name != "path" and name in found}
    return {**found, **rest, "kind": found["kind"]}


def _parse(path: Path) -> dict[str, Any]:
    """Return the fields of a plan; title, about and specs are always there."""
    data = {"title": path.stem, "about": "", "specs": {}, **_loaded(path)}
    if not isinstance(data["specs"], dict):
        raise SpecError(f"{path.name}: specs is {shown(data['specs'])}, must be a table of specs")
    for name in ("title", "about"):
        if not isinstance(data[name], str):
            raise SpecError(f"{path.name}: {name} is {shown(data[name])}, must be a text")
    unknown = sorted(set(data) - set(FIELDS))
    if unknown:
        raise SpecError(f"{path.name}: {unknown[0]} is no field of a plan ({', '.join(FIELDS)})")
    return data


def _loaded(path: Path) -> dict[str, Any]:
    data: dict[str, Any] | None = None
    try:
        text = read_text(path, MOST_BYTES)
        dots = max(line.partition("=")[0].count(".") for line in text.split("\n"))
        if dots <= MOST_DOTS:
            data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{path.name} is not valid TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SpecError(f"{path.name} cannot be read: {reason}") from error
    except ValueError as error:
        raise SpecError(f"{path.name} holds a number of thousands of digits") from error
    except RecursionError:
        data = None
    if data is None or not _is_shallow(data):
        raise SpecError(f"{path.name} is nested too deeply to be a plan")
    return data


def _is_shallow(data: object) -> bool:
    """Whether tables and lists lie at most so deep in each other, without recursion."""
    level = [data]
    for _ in range(MOST_DEPTH):
        level = [
            part
            for one in level
            if isinstance(one, dict | list)
            for part in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return True
    return False


def _expanded(path: Path, data: Mapping[str, Any], tables: Mapping[str, Any]) -> Plan:
    named: dict[str, list[Spec]] = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise SpecError(f"{path.name}: specs.{name} is {shown(table)}, must be a table")
        try:
            pairs, fields = _pairs(table)
            combined = (form for form in _variants(fields, named) if _agree(form, pairs))
            forms = list(itertools.islice(combined, MOST_VARIANTS + 1))
            if len(forms) > MOST_VARIANTS:
                raise SpecError(f"each stands for more than {MOST_VARIANTS} specs")
            named[name] = [from_dict(form) for form in forms]
        except SpecError as error:
            raise SpecError(f"{path.name}: specs.{name}.{error}") from None
    computed = [name for name, found in named.items() if all(spec.recorded for spec in found)]
    run = data.get("run", computed)
    if not isinstance(run, list) or not run:
        raise SpecError(
            f"{path.name}: run is {shown(run)}, must be a list of {', '.join(computed)}"
        )
    for name in run:
        if name not in computed:
            known = ", ".join(computed)
            raise SpecError(f"{path.name}: run has {shown(name)}, must name one of {known}")
    specs = [spec for name in run for spec in named[name]]
    return Plan(data["title"], specs, named)


def _variants(value: Any, named: Mapping[str, list[Spec]]) -> Iterator[Any]:
    """Yield the value once for every combination of the sweeps and references inside it."""
    if isinstance(value, str) and value.startswith("@"):
        if value[1:] not in named:
            raise SpecError(f"reference is {value!r}, must name a spec above: {', '.join(named)}")
        yield from named[value[1:]]
    elif isinstance(value, dict) and set(value) == {"each"} and isinstance(value["each"], list):
        for part in value["each"]:
            yield from _variants(part, named)
    elif isinstance(value, dict):
        # Generate at most one more than the limit: enough for the caller to detect the excess.
        most = MOST_VARIANTS + 1
        parts = [list(itertools.islice(_variants(part, named), most)) for part in value.values()]
        for combination in itertools.product(*parts):
            yield dict(zip(value, combination, strict=True))
    else:
        yield value


def _pairs(table: Mapping[str, Any]) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Return the pairs of fields that must agree, and the table without them."""
    given = table.get("same", [])
    whole = isinstance(given, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(name, str) for name in pair)
        for pair in given
    )
    if not whole:
        raise SpecError(f'same is {shown(given)}, must be a list of pairs such as ["seed", "a.b"]')
    rest = {name: value for name, value in table.items() if name != "same"}
    return [(first, second) for first, second in given], rest


def _agree(form: Any, pairs: Sequence[tuple[str, str]]) -> bool:
    return all(_at(form, first) == _at(form, second) for first, second in pairs)


def _at(form: Any, path: str) -> Any:
    """Return the value at a dotted path into tables and specs."""
    for name in path.split("."):
        if isinstance(form, Mapping) and name in form:
            form = form[name]
        elif isinstance(form, Spec) and name in {field.name for field in fields_of(type(form))}:
            form = getattr(form, name)
        else:
            raise SpecError(f"same names {shown(path)}, which has no field {shown(name)}")
    return form


def _apply(tables: dict[str, Any], setting: str) -> None:
    path, equals, text = setting.partition("=")
    names = path.strip().split(".")
    if not equals or len(names) < 2:
        raise SpecError(f"--set is {setting!r}, must be spec.field=value")
    if names[0] not in tables:
        near = suggestion(names[0], list(tables))
        raise SpecError(f"--set names {names[0]!r}{near}, must name one of {', '.join(tables)}")
    table = tables
    for name in names[:-1]:
        inner = table.setdefault(name, {})
        if not isinstance(inner, dict):
            raise SpecError(f"--set is {setting!r}, but {name} is {inner!r} and has no fields")
        table = inner
    table[names[-1]] = _value(text)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def _set_seed(tables: Mapping[str, Any], seed: int) -> None:
    for table in tables.values():
        cls = KINDS.get(str(table.get("kind", ""))) if isinstance(table, dict) else None
        if cls is None or issubclass(cls, ImagesSpec) or not cls.recorded:
            continue
        if any(field.name == "seed" for field in fields_of(cls)):
            table["seed"] = seed
