"""The licence notices of everything that an app bundles.

Each bundled file is looked up in the file lists of the installed distributions, and system
libraries in Debian's list of packages, to find the components that the app contains.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

TEXTS = Path(__file__).resolve().parent / "texts"
# Wheels that do not contain the text of their licence.
STANDARD_TEXTS = {
    "pyside6-essentials": ("LGPL-3.0.txt", "GPL-3.0.txt"),
    "shiboken6": ("LGPL-3.0.txt", "GPL-3.0.txt"),
}
LEGAL = re.compile(r"(^|[-_.])(licen[cs]es?|copying|notice|authors)([-_.]|$)", re.IGNORECASE)
CODE = (".py", ".pyc", ".h", ".so")
DEBIAN_DOCS = Path("/usr/share/doc")


@dataclass(frozen=True)
class Notice:
    """One bundled component: its name, version, short licence name, and licence files."""

    name: str
    version: str
    licence: str
    files: tuple[Path, ...] = field(default=())


def collect(sources: Iterable[str]) -> list[Notice]:
    """Return the notices of all components that these files come from, by name.

    Parameters
    ----------
    sources
        Absolute paths of files that were bundled.
    """
    paths = {os.path.realpath(source) for source in sources if source}
    owners = _owners()
    names = {owners[path] for path in paths if path in owners}
    found = [of_distribution(metadata.distribution(name)) for name in names]
    found.append(_python())
    rest = [Path(path) for path in paths if path not in owners and ".so" in Path(path).name]
    found += _debian(rest)
    return sorted(found, key=lambda notice: notice.name.lower())


def of_distribution(distribution: metadata.Distribution) -> Notice:
    """Return the notice of an installed distribution."""
    name = distribution.metadata["Name"]
    inside = [path for path in distribution.files or [] if _is_legal(path)]
    files = [Path(str(distribution.locate_file(path))) for path in inside]
    files += [TEXTS / text for text in STANDARD_TEXTS.get(name.lower().replace("_", "-"), ())]
    return Notice(
        name=name,
        version=distribution.version,
        licence=short_licence(distribution),
        files=tuple(sorted(path for path in files if path.is_file())),
    )


def short_licence(distribution: metadata.Distribution) -> str:
    """Return a distribution's licence in a few words: expression, classifiers, or first line."""
    about = distribution.metadata
    if expression := about.get("License-Expression"):
        return str(expression)
    text = str(about.get("License") or "").strip()
    if text and "\n" not in text and len(text) < 120:
        return text
    kinds = [
        line.rpartition(" :: ")[2]
        for line in about.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    return ", ".join(kinds) or "see its files"


def write(notices: Iterable[Notice], folder: Path) -> None:
    """Write a table of notices, and beside it one folder per notice with its licence files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = ["Isthmus contains the following software, each under its own licence.", ""]
    for notice in notices:
        lines.append(f"{notice.name} {notice.version}: {notice.licence}")
        target = folder / f"{notice.name}-{notice.version}".replace(":", "_")
        for number, source in enumerate(notice.files):
            target.mkdir(exist_ok=True)
            # Files can have the same name if a library contains other libraries.
            shutil.copyfile(source, target / f"{number:03d}-{source.name}.txt")
    (folder / "index.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def without_text(notices: Iterable[Notice]) -> list[str]:
    """Return the names of the components whose licence has no text."""
    return [notice.name for notice in notices if not notice.files]


def _owners() -> Mapping[str, str]:
    """Return which distribution each installed file belongs to.

    Only each distribution's base folder is resolved on the disk, not its thousands of files.
    """
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        name, base = distribution.metadata["Name"], os.path.realpath(distribution.locate_file(""))
        for path in distribution.files or []:
            found[os.path.normpath(os.path.join(base, str(path)))] = name
    return found


def _is_legal(path: metadata.PackagePath) -> bool:
    """Tell whether a file of a distribution is a licence, by its name or by its folder."""
    if path.suffix in CODE:
        return False
    in_metadata = any(part.endswith(".dist-info") for part in path.parts)
    return bool(LEGAL.search(path.name)) or (in_metadata and "licenses" in path.parts)


def _python() -> Notice:
    version = ".".join(map(str, sys.version_info[:3]))
    places = [
        Path(sysconfig.get_path("stdlib")) / "LICENSE.txt",
        Path(sys.base_prefix) / "LICENSE.txt",
    ]
    return Notice("Python", version, "PSF-2.0", tuple(p for p in places if p.is_file())[:1])


def _debian(paths: Iterable[Path]) -> list[Notice]:
    """Return the notices of the Debian or Ubuntu packages that contain system libraries."""
    if shutil.which("dpkg-query") is None:
        return []
    packages = _debian_packages(paths)
    found = []
    for package in packages:
        command = ["dpkg-query", "--show", "--showformat", "${Version}", package]
        version = subprocess.run(command, capture_output=True, text=True).stdout.strip()
        text = DEBIAN_DOCS / package.partition(":")[0] / "copyright"
        files = (text,) if text.is_file() else ()
        found.append(Notice(package.partition(":")[0], version, "see its files", files))
    return found


def _debian_packages(paths: Iterable[Path]) -> set[str]:
    """Return the packages that own files; Debian may list one under /lib or /usr/lib.

    All are asked for at once, as each call takes a good part of a second.
    """
    asked = {name for path in map(str, paths) for name in (path, path.removeprefix("/usr"))}
    if not asked:
        return set()
    command = ["dpkg-query", "--search", *sorted(asked)]
    lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    owners = [line.partition(": ")[0] for line in lines if not line.startswith("diversion ")]
    return {owner.split(",")[0].strip() for owner in owners}
