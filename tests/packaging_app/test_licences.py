"""The licence notices of what an app bundles."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def licences():
    return importlib.import_module("licences")


def installed(folder: Path, name: str, about: str, files: tuple[str, ...]) -> metadata.Distribution:
    """Write a distribution's metadata, and return it."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{about}\n")
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("You may.")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    return metadata.Distribution.at(info)


def test_that_a_bundled_file_brings_the_notice_of_its_distribution(licences):
    found = {notice.name: notice for notice in licences.collect([np.__file__])}
    assert set(found) == {"numpy", "Python"}
    assert found["numpy"].version == np.__version__
    assert any("LICENSE" in path.name for path in found["numpy"].files)


def test_that_nothing_is_said_of_what_is_not_bundled(licences):
    assert [notice.name for notice in licences.collect([])] == ["Python"]


def test_that_licence_files_are_known_by_name_and_by_folder(licences, tmp_path):
    files = (
        "thing-1.0.dist-info/licenses/third_party/hdf5.txt",
        "thing-1.0.dist-info/COPYING.LESSER",
        "thing/LICENSE-APACHE",
        "thing/licence.py",
        "thing/data.txt",
    )
    notice = licences.of_distribution(installed(tmp_path, "thing", "License: MIT", files))
    assert {path.name for path in notice.files} == {"hdf5.txt", "COPYING.LESSER", "LICENSE-APACHE"}


def test_that_wheels_of_qt_get_the_text_they_lack(licences, tmp_path):
    qt = installed(tmp_path, "PySide6_Essentials", "License: LGPL-3.0-only", ())
    texts = [path.read_text(encoding="utf-8") for path in licences.of_distribution(qt).files]
    assert any("GNU LESSER GENERAL PUBLIC LICENSE" in text for text in texts)


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ("License-Expression: MIT\nLicense: other", "MIT"),
        ("License: BSD 3-Clause", "BSD 3-Clause"),
        (
            "Classifier: License :: OSI Approved :: Apache Software License",
            "Apache Software License",
        ),
        ("Summary: x", "see its files"),
    ],
)
def test_that_the_short_form_is_the_most_exact_there_is(licences, tmp_path, about, expected):
    assert licences.short_licence(installed(tmp_path, "thing", about, ())) == expected


def test_that_files_of_one_name_are_all_written(licences, tmp_path):
    sources = []
    for number in range(2):
        path = tmp_path / str(number) / "LICENSE"
        path.parent.mkdir()
        path.write_text(f"text {number}")
        sources.append(path)
    target = tmp_path / "out"
    licences.write([licences.Notice("thing", "1.0", "MIT", tuple(sources))], target)
    written = sorted((target / "thing-1.0").iterdir())
    assert [path.read_text() for path in written] == ["text 0", "text 1"]
    assert "thing 1.0: MIT" in (target / "index.txt").read_text()


def test_that_a_component_without_a_text_is_named(licences):
    notices = [licences.Notice("bare", "1", "MIT"), licences.Notice("full", "1", "MIT", (Path(),))]
    assert licences.without_text(notices) == ["bare"]


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="needs dpkg-query")
def test_that_system_libraries_are_asked_for_in_one_call(licences, monkeypatch):
    (library,) = list(Path("/usr/lib").glob("*/libc.so.6"))[:1]
    calls = []
    run = subprocess.run

    def counted(command, **options):
        calls.append(command[1])
        return run(command, **options)

    monkeypatch.setattr(licences.subprocess, "run", counted)
    found = licences._debian([library, Path("/nowhere/liba.so"), Path("/nowhere/libb.so")])
    assert [notice.name for notice in found] == ["libc6"]
    assert all(path.name == "copyright" for notice in found for path in notice.files)
    assert calls.count("--search") == 1
