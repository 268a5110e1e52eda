"""Copies in the study of files and pictures that have no folder of their own."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from PySide6.QtGui import QImage

from engine.store.files import BLOCK, open_regular
from engine.store.study import Study
from engine.texts import lowered

T = TypeVar("T")
Check = Callable[[], None]


class Own(NamedTuple):
    """Files that lie in the study: the folder that was made for them, None if it was there."""

    new: Path | None
    path: Path


def saved_picture(study: Study, picture: QImage, check: Check) -> Own:
    """Save a pasted picture inside a study, which asks the drive; if it is given up, it goes."""
    folder = _new_folder(study.path / "pasted" / "picture", lambda _: False)
    path = folder.path / "picture.png"
    with _gone_on_failure(folder.new):
        if not picture.save(str(path)):
            raise ValueError(f"{path} cannot be written.")
        check()
    return Own(folder.new, path)


def copied(paths: Sequence[Path], place: Path, check: Check) -> Own:
    """Copy files into a folder of their own; if it is given up, the copies go.

    If the folder exists, or one with a number behind its name, and holds just these files, such as
    after an undo, it is taken; else the copies go to one that does not exist.
    """
    names = _names_of(paths)
    own = _new_folder(place, lambda folder: _holds_just(folder, names, check))
    if own.new is not None:
        with _gone_on_failure(own.new):
            for name, path in names.items():
                _copy(path, own.path / name, check)
    return own


def read_own(own: Own, read: Callable[[Path], T]) -> tuple[Path, T]:
    """Read what was copied or saved, and return its path too; if it cannot be read, it goes."""
    with _gone_on_failure(own.new):
        return own.path, read(own.path)


@contextmanager
def _gone_on_failure(folder: Path | None) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _new_folder(place: Path, takes: Callable[[Path], bool]) -> Own:
    """Make a folder, with a number behind its name if need be; return one that ``takes`` takes."""
    folder, number = place, 2
    while True:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
            return Own(folder, folder)
        except FileExistsError:
            if takes(folder):
                return Own(None, folder)
        except OSError as error:
            raise ValueError(f"{folder} cannot be created: {error.strerror or error}") from error
        folder, number = place.with_name(f"{place.name} {number}"), number + 1


def _names_of(paths: Sequence[Path]) -> dict[str, Path]:
    """Return files by the names of their copies; where names repeat, their folder's comes first."""
    uses = Counter(lowered(path.name) for path in paths)
    found: dict[str, Path] = {}
    taken: set[str] = set()  # of a system that knows no capitals
    for path in paths:
        stem = f"{path.parent.name} {path.stem}" if uses[lowered(path.name)] > 1 else path.stem
        name, number = f"{stem}{path.suffix}", 2
        while lowered(name) in taken:
            name, number = f"{stem} {number}{path.suffix}", number + 1
        taken.add(lowered(name))
        found[name] = path
    return found


def _holds_just(folder: Path, files: Mapping[str, Path], check: Check) -> bool:
    """Return whether a folder holds copies of these files and nothing else."""
    try:
        if {path.name for path in folder.iterdir()} != files.keys():
            return False
        return all(_same(path, folder / name, check) for name, path in files.items())
    except OSError:
        return False  # copying will say what is wrong with it


def _same(path: Path, copy: Path, check: Check) -> bool:
    with open_regular(path) as one, open_regular(copy) as other:
        while True:
            check()
            block = one.read(BLOCK)
            if block != other.read(BLOCK):
                return False
            if not block:
                return True


def _copy(path: Path, target: Path, check: Check) -> None:
    check()
    try:
        with open_regular(path) as source, open(target, "xb") as copy:
            while block := source.read(BLOCK):
                check()
                copy.write(block)
    except OSError as error:
        raise ValueError(f"{path} cannot be copied: {error.strerror or error}") from error
