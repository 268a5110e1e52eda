"""Builds the packaged app: python packaging/build.py [--out build], or uv run packaging/build.py.

Needs nothing but a Python: uv makes the environment that pyproject.toml describes, unless this
script already runs in one that has all it needs; where uv is missing, it is installed under --out.
What is made there:

assets/     icons, drawn from the program's own
dist/       the app: Isthmus/, or Isthmus.app on macOS
*.tar.gz    the app with its installer, links kept (Linux); a zip on macOS
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NEEDED = ("torch", "torchvision", "PySide6", "pyqtgraph", "h5py", "matplotlib", "PyInstaller")
LINUX_FILES = ("install.sh", "uninstall.sh", "isthmus.desktop", "isthmus-study.xml")


def main() -> int:
    """Build, in an environment that can; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="where all of it goes")
    parser.add_argument("--torch", default="auto", help="auto (as installed by default), or cpu")
    parser.add_argument("--no-archive", action="store_true", help="leave the app a folder")
    options = parser.parse_args()
    out = options.out.resolve()
    if options.torch != "auto" or not all(map(importlib.util.find_spec, NEEDED)):
        return _build_elsewhere(out, options)
    _build(out)
    _report(out)
    if not options.no_archive:
        print(archive(out))
    return 0


def _build_elsewhere(out: Path, options: argparse.Namespace) -> int:
    """Make an environment under ``out``, and run this script again inside."""
    uv = _uv(out)
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(out / "venv")}
    groups = ["--no-default-groups", "--group", "gui", "--group", "package"]
    _run([uv, "sync", *groups], env=environment, cwd=ROOT)
    python = _python_of(out / "venv")
    if options.torch != "auto":
        # uv knows where the builds of torch for each kind of device are kept.
        packages = ["torch", "torchvision"]
        backend = ["--reinstall", "--torch-backend", options.torch]
        _run([uv, "pip", "install", "--python", str(python), *backend, *packages])
    again = [str(python), str(Path(__file__)), "--out", str(out)]
    if options.no_archive:
        again.append("--no-archive")
    return subprocess.run(again, check=False).returncode


def _uv(out: Path) -> str:
    """Return the program uv: the one that is here, else one that is installed under ``out``.

    An environment that uv made, such as the one of ``uv run``, has no pip; and pip refuses to
    install anything into the Python of Debian, Ubuntu or Homebrew. Python's own venv serves all.
    """
    # uv run names itself in UV.
    found = os.environ.get("UV") or shutil.which("uv") or _beside(Path(sys.executable), "uv")
    if found:
        return found
    setup = out / "uv"
    _run([sys.executable, "-m", "venv", "--clear", str(setup)])
    python = _python_of(setup)
    _run([str(python), "-m", "pip", "install", "--quiet", "uv"])
    return str(_beside(python, "uv"))


def _beside(python: Path, name: str) -> str | None:
    """Return a program that is installed beside a Python, whether PATH names the folder or not."""
    return shutil.which(name, path=str(python.parent))


def _build(out: Path) -> None:
    """Draw the icons and run PyInstaller."""
    assets = out / "assets"
    _run([sys.executable, str(HERE / "make_icons.py"), str(assets)], quiet=True)
    _run(
        [
            *(sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"),
            *("--distpath", str(out / "dist"), "--workpath", str(out / "work")),
            *(str(HERE / "isthmus.spec"), "--", "--assets", str(assets)),
        ]
    )
    if sys.platform.startswith("linux"):
        _add_installer(out / "dist" / "Isthmus", assets)


def _add_installer(app: Path, assets: Path) -> None:
    """Put what a Linux desktop wants to know beside the app."""
    share = app / "share"
    shutil.rmtree(share, ignore_errors=True)
    share.mkdir()
    for icon in assets.glob("isthmus*"):
        if icon.suffix in (".png", ".svg"):
            shutil.copy(icon, share)
    for name in LINUX_FILES:
        target = app if name.endswith(".sh") else share
        shutil.copy(HERE / "linux" / name, target)


def _report(out: Path) -> None:
    """Say how large the app is, and keep that in a file."""
    from sizes import by_component, table

    app = next((out / "dist").glob("Isthmus*"))
    sizes = table(by_component(app))
    (out / "sizes.md").write_text(sizes + "\n", encoding="utf-8")
    print(sizes)


def archive(out: Path) -> Path:
    """Pack the app so that links and rights survive, and return the archive's path."""
    name = archive_name()
    dist = out / "dist"
    if sys.platform == "darwin":
        path = out / f"{name}.zip"
        _run(["ditto", "-c", "-k", "--keepParent", str(dist / "Isthmus.app"), str(path)])
        return path
    if sys.platform == "win32":
        return Path(shutil.make_archive(str(out / name), "zip", dist, "Isthmus"))
    path = out / f"{name}.tar.gz"
    # Level 1: the libraries are 20 % smaller at level 9, and take ten times as long.
    with tarfile.open(path, "w:gz", compresslevel=1) as file:
        file.add(dist / "Isthmus", "Isthmus", filter=_owned_by_root)
    return path


def archive_name() -> str:
    """Return the archive's name without suffix: version, system, machine, variant."""
    import torch

    sys.path.insert(0, str(ROOT))
    from engine.program import VERSION

    system = {"linux": "linux", "darwin": "macos", "win32": "windows"}[sys.platform]
    variant = f"cuda{torch.version.cuda}" if torch.version.cuda else "cpu"
    return f"Isthmus-{VERSION}-{system}-{platform.machine().lower()}-{variant}"


def _owned_by_root(item: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who built it."""
    item.uid = item.gid = 0
    item.uname = item.gname = "root"
    return item


def _python_of(environment: Path) -> Path:
    windows = environment / "Scripts" / "python.exe"
    return windows if windows.exists() else environment / "bin" / "python"


def _run(command: list[str], *, quiet: bool = False, **options: object) -> None:
    """Run a step; its failure ends the build."""
    if quiet:
        options["stdout"] = subprocess.DEVNULL
    code = subprocess.run(command, check=False, **options).returncode  # type: ignore[call-overload]
    if code:
        raise SystemExit(f"{Path(command[0]).name} {' '.join(command[1:4])} ended with {code}")


if __name__ == "__main__":
    sys.exit(main())
