"""Repair a study: move damaged records aside and compute them again, write study.json anew.

Nothing is deleted: a damaged file is moved to ``damaged/`` in the study. Its spec is taken from the
file itself if that part is intact, or from a record that was computed from it. A spec is accepted
only if its key is the name of the damaged file.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli_w

from engine.cli.run import run_plan
from engine.program import FAILED, OK
from engine.specs.schema import Spec, SpecError, from_dict
from engine.store import hdf5
from engine.store.atomic import new_file
from engine.store.files import read_text
from engine.store.hdf5 import FileError
from engine.store.headers import SCHEMA
from engine.store.outputs import is_study
from engine.store.study import SUFFIX, Study, StudyError, spec_of
from engine.texts import one_line

ABOUT = "study.json"
LONGEST_ABOUT = 64 << 20  # bytes
FOLDER = "damaged"
PLAN = "repair.toml"


def repair(folder: Path, jobs: int | None = None, threads: int | None = None) -> int:
    """Move damaged records aside and compute them again; return the exit code.

    ``jobs`` and ``threads`` are those of :func:`engine.plan.slots.slots_on`.

    Raises
    ------
    StudyError
        If the study cannot be opened, or a file cannot be moved.
    """
    rebuilt = _rebuild_about(folder)
    study = Study(folder)
    unread: list[tuple[str, str]] = []
    damaged = list(study.check(unread))
    for name, problem in unread:
        print(one_line(f"{name}: {problem}; it may be whole and stays where it is"))
    if unread and not damaged:
        return FAILED
    if not damaged:
        print("nothing else is damaged" if rebuilt else "nothing is damaged", file=sys.stderr)
        return OK
    known = {spec.key: spec for entry in study.entries for spec in _with_parents(spec_of(entry))}
    found: dict[str, Spec] = {}
    for name, problem in damaged:
        path = folder / name
        spec = _own_spec(path) or known.get(path.stem)
        if spec is not None:
            found[spec.key] = spec
        _move_aside(folder, name)
        said = spec.title if spec else "what it was is not known, run its plan again"
        print(f"{name}: {problem}; moved to {FOLDER}/; {said}")
    if not found:
        return FAILED
    plan = folder / FOLDER / PLAN
    with new_file(plan) as temporary:
        temporary.write_text(_plan_of(found), encoding="utf-8")
    code = run_plan(plan, folder, jobs=jobs, threads=threads, yes=True)
    return code if len(found) == len(damaged) and not unread else code or FAILED


def _rebuild_about(folder: Path) -> bool:
    """Write study.json anew if it is lost or damaged; return whether it was.

    A damaged one is moved aside. Name and notes are kept as far as they can still be read.
    """
    path = folder / ABOUT
    if not is_study(folder) or _is_readable(path):
        return False
    text = ""
    if path.is_file() and not path.is_symlink():
        with open(path, "rb") as file:
            text = file.read(LONGEST_ABOUT).decode("utf-8", "ignore")
    if os.path.lexists(path):
        _move_aside(folder, ABOUT)
        said = f"{ABOUT}: it is damaged; moved to {FOLDER}/; written anew"
    else:
        said = f"{ABOUT}: it is lost; written anew"
    kept = {field: _salvaged(text, field) for field in ("name", "notes")}
    about = {"schema": SCHEMA, "name": folder.resolve().name.removesuffix(SUFFIX), "notes": ""}
    about.update({field: found for field, found in kept.items() if found})
    try:
        with new_file(path) as temporary:
            temporary.write_text(json.dumps(about, indent=1, ensure_ascii=False), encoding="utf-8")
    except OSError as error:
        raise StudyError(f"{path} cannot be written: {error.strerror}") from error
    print(said)
    return True


def _is_readable(path: Path) -> bool:
    """Whether a study.json says which schema its study has, also one of a later version."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LONGEST_ABOUT:
        return False
    try:
        about = json.loads(read_text(path, LONGEST_ABOUT))
    except (ValueError, RecursionError):
        return False
    schema = about.get("schema") if isinstance(about, dict) else None
    return type(schema) is int and schema >= 1


def _salvaged(text: str, field: str) -> str:
    """Return a text of a damaged study.json, or "" if it is not whole."""
    found = re.search(rf'"{field}"\s*:\s*("(?:[^"\\]|\\.)*")', text)
    try:
        value = json.loads(found[1]) if found else ""
    except ValueError:
        return ""
    return str(value)


def _with_parents(spec: Spec | None) -> Iterator[Spec]:
    if spec is not None:
        yield spec
        for parent in spec.requires():
            yield from _with_parents(parent)


def _own_spec(path: Path) -> Spec | None:
    """Return the spec in a damaged file, if its key and kind match the path of the file."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        spec: Spec = from_dict(hdf5.read_unsealed(path, only_documents=True).documents.get("spec"))
    except (OSError, FileError, SpecError):
        return None
    return spec if (spec.key, spec.kind) == (path.stem, path.parent.name) else None


def _move_aside(folder: Path, name: str) -> None:
    inside = Path(name)
    place = folder / FOLDER / (inside.relative_to("records") if inside.parts[1:] else inside)
    try:
        if (folder / FOLDER).is_symlink():
            raise StudyError(f"{FOLDER}/ is a link, which may lead out of the study")
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder / name, place)
    except OSError as error:
        raise StudyError(f"{name} cannot be moved to {FOLDER}/: {error.strerror}") from error


def _plan_of(found: dict[str, Spec]) -> str:
    """Return a plan of these specs, kept as a file to run again if image folders are missing."""
    tables = {f"record_{key}": _without_none(spec.as_dict()) for key, spec in found.items()}
    return tomli_w.dumps({"title": "Repair", "run": list(tables), "specs": tables})


def _without_none(form: Any) -> Any:
    if isinstance(form, dict):
        return {name: _without_none(part) for name, part in form.items() if part is not None}
    return [_without_none(part) for part in form] if isinstance(form, list) else form
