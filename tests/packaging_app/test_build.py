"""The size report, the icons and the files for Linux desktops."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def fill(path: Path, size: int) -> None:
    """Write a file of so many bytes that takes no room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.truncate(size)


def test_that_sizes_are_added_up_by_library(tmp_path):
    sizes = importlib.import_module("sizes")
    inside = tmp_path / "_internal"
    fill(inside / "torch" / "lib" / "a.so", 30_000_000)
    fill(inside / "torch" / "nn" / "b.py", 1_000_000)
    fill(inside / "nvidia" / "cudnn" / "lib" / "c.so", 20_000_000)
    fill(inside / "numpy" / "d.so", 6_000_000)
    fill(inside / "numpy.libs" / "e.so", 4_000_000)
    fill(inside / "small" / "f.py", 1_000)
    (inside / "link.so").symlink_to("torch/lib/a.so")
    found = sizes.by_component(tmp_path)
    assert found == {
        "torch": 31_000_000,
        "nvidia/cudnn": 20_000_000,
        "numpy": 10_000_000,
        "everything else": 1_000,
    }
    assert sizes.table(found).splitlines()[-1] == "| **sum** | **61** |"


def test_that_an_archive_keeps_links_and_rights_and_names_nobody(tmp_path, monkeypatch):
    build = importlib.import_module("build")
    monkeypatch.setattr(build.sys, "platform", "linux")
    monkeypatch.setattr(build, "archive_name", lambda: "app")  # the true one imports torch
    app = tmp_path / "dist" / "Isthmus"
    fill(app / "Isthmus", 10)
    (app / "Isthmus").chmod(0o755)
    (app / "link").symlink_to("Isthmus")
    with tarfile.open(build.archive(tmp_path)) as file:
        items = {item.name: item for item in file.getmembers()}
    assert items["Isthmus/link"].issym()
    assert items["Isthmus/Isthmus"].mode == 0o755
    assert {item.uname for item in items.values()} == {"root"}


def test_that_icons_are_drawn_in_all_forms(tmp_path):
    pytest.importorskip("PySide6")
    paths = {path.name: path for path in importlib.import_module("make_icons").make(tmp_path)}
    for name in ("isthmus", "isthmus-study"):
        assert Image.open(paths[f"{name}-48.png"]).size == (48, 48)
        assert (256, 256) in Image.open(paths[f"{name}.ico"]).info["sizes"]
        assert Image.open(paths[f"{name}.icns"]).size == (1024, 1024)
    corner, middle = (Image.open(paths["isthmus-64.png"]).getpixel(at) for at in ((0, 0), (32, 32)))
    assert corner[3] == 0
    assert middle[3] == 255


def test_that_the_desktop_entry_is_valid(tmp_path, scripts):
    validator = shutil.which("desktop-file-validate")
    if validator is None:
        pytest.skip("needs desktop-file-validate")
    text = (scripts / "linux" / "isthmus.desktop").read_text().replace("@FOLDER@", "/opt/Isthmus")
    entry = tmp_path / "isthmus.desktop"
    entry.write_text(text)
    done = subprocess.run([validator, str(entry)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_that_studies_have_a_type_of_their_own(scripts):
    tree = ElementTree.parse(scripts / "linux" / "isthmus-study.xml")
    space = {"m": "http://www.freedesktop.org/standards/shared-mime-info"}
    (kind,) = tree.findall("m:mime-type", space)
    entry = (scripts / "linux" / "isthmus.desktop").read_text()
    assert f"{kind.get('type')};" in entry
    assert kind.find("m:glob", space).get("pattern") == "*.isthmus"


def test_that_uninstalling_leaves_nothing_but_studies(tmp_path, scripts):
    app = tmp_path / "my apps & 100% more" / "Isthmus"
    home = tmp_path / "home"
    study = home / "Documents" / "Isthmus" / "a.isthmus" / "study.json"
    log = home / ".local" / "state" / "isthmus" / "log" / "isthmus.log"
    for path in (app / "Isthmus", study, log):
        fill(path, 1)
    importlib.import_module("build")._add_installer(app, icons(tmp_path / "assets"))
    before = {path for path in home.rglob("*") if path.is_file()} - {log}
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    subprocess.run(["sh", str(app / "install.sh")], env=env, check=True, capture_output=True)
    entry = (home / ".local/share/applications/isthmus.desktop").read_text()
    escaped = str(app).replace("%", "%%")
    assert f'Exec="{escaped}/Isthmus" %F' in entry
    assert (home / ".local/bin/isthmus").resolve() == app / "Isthmus"
    subprocess.run(["sh", str(app / "uninstall.sh")], env=env, check=True, capture_output=True)
    left = {path for path in home.rglob("*") if path.is_file() or path.is_symlink()} - before
    caches = ("mime", "applications")  # what the system's own databases keep
    assert [path for path in left if path.parent.name not in caches] == []


def icons(folder: Path) -> Path:
    """Write empty icons of all sizes."""
    for name in ("isthmus", "isthmus-study"):
        fill(folder / f"{name}.svg", 1)
        for size in importlib.import_module("make_icons").SIZES:
            fill(folder / f"{name}-{size}.png", 1)
    return folder


@pytest.fixture
def without_pip(tmp_path: Path) -> Path:
    """Return the Python of an environment as uv makes them: without pip and without uv."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    return tmp_path / "venv" / "bin" / "python"


def program(path: Path, text: str) -> Path:
    """Write a program of the shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def built_by(python: Path, out: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script in a Python of its own, with nothing on PATH but what is given."""
    command = [str(python), str(ROOT / "packaging" / "build.py"), "--out", str(out)]
    env = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("how", ["UV", "PATH", "beside"])
def test_that_a_build_starts_where_there_is_no_pip(tmp_path, without_pip, how):
    """uv run names itself in UV; the uv here writes down what it is asked, and fails."""
    place = without_pip.parent if how == "beside" else tmp_path / "elsewhere"
    uv = program(place / "uv", f'echo "$@" "$UV_PROJECT_ENVIRONMENT" > {tmp_path}/asked; exit 3')
    named = {"UV": {"UV": str(uv)}, "PATH": {"PATH": f"{place}:/usr/bin:/bin"}}
    done = built_by(without_pip, tmp_path / "out", **named.get(how, {}))
    asked = (tmp_path / "asked").read_text().split()
    assert asked == [
        *("sync", "--no-default-groups", "--group", "gui", "--group", "package"),
        str(tmp_path / "out" / "venv"),
    ]
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "ended with 3" in done.stderr


def test_that_what_uv_made_is_what_the_build_goes_on_in(tmp_path, without_pip):
    again = program(tmp_path / "python", f'echo "$@" > {tmp_path}/again; exit 7')
    made = f'mkdir -p "$UV_PROJECT_ENVIRONMENT/bin"; cp {again} "$UV_PROJECT_ENVIRONMENT/bin/"'
    uv = program(tmp_path / "uv", made)
    out = tmp_path / "out"
    assert built_by(without_pip, out, UV=str(uv)).returncode == 7
    script = str(ROOT / "packaging" / "build.py")
    assert (tmp_path / "again").read_text().split() == [script, "--out", str(out)]


def test_that_uv_is_installed_in_a_place_of_its_own_where_it_is_missing(tmp_path, monkeypatch):
    build = importlib.import_module("build")
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(build.sys, "executable", str(tmp_path / "bin" / "python"))
    steps = []

    def run(command: list[str]) -> None:
        steps.append(command)
        program(tmp_path / "out" / "uv" / "bin" / "uv", "exit 0")

    monkeypatch.setattr(build, "_run", run)
    place = tmp_path / "out" / "uv"
    assert build._uv(tmp_path / "out") == str(place / "bin" / "uv")
    assert steps == [
        [str(tmp_path / "bin" / "python"), "-m", "venv", "--clear", str(place)],
        [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "uv"],
    ]
