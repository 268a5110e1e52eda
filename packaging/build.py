"""Builds the packaged app: python packaging/build.py [--out build], or uv run packaging/build.py.

The script needs only Python. uv makes the environment that pyproject.toml describes, unless the
script already runs in one that has everything it needs. If uv is missing, it is installed under
--out. The script writes to --out:

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
    """Build here, or in a new environment if this one lacks packages; return the exit code."""
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
        # uv knows the index that holds the builds of torch for each kind of device.
        packages = ["torch", "torchvision"]
        backend = ["--reinstall", "--torch-backend", options.torch]
        _run([uv, "pip", "install", "--python", str(python), *backend, *packages])
    again = [str(python), str(Path(__file__)), "--out", str(out)]
    if options.no_archive:
        again.append("--no-archive")
    return subprocess.run(again, check=False).returncode


def _uv(out: Path) -> str:
    """Return the path of uv; install it under ``out`` if it is missing.

    uv is installed into a new environment made by Python's venv, which works everywhere: an
    environment made by uv, such as that of ``uv run``, has no pip, and pip refuses to install into
    the Python of Debian, Ubuntu or Homebrew.
    """
    # uv run sets UV to its own path.
    found = os.environ.get("UV") or shutil.which("uv") or _beside(Path(sys.executable), "uv")
    if found:
        return found
    setup = out / "uv"
    _run([sys.executable, "-m", "venv", "--clear", str(setup)])
    python = _python_of(setup)
    _run([str(python), "-m", "pip", "install", "--quiet", "uv"])
    return str(_beside(python, "uv"))


def _beside(python: Path, name: str) -> str | None:
    """Return a program that lies in the folder of a Python, even if PATH lacks that folder."""
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
    """Put the installer and the desktop files for Linux beside the app."""
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
    """Print the size of the app by component, and write it to a file."""
    from sizes import by_component, table

    app = next((out / "dist").glob("Isthmus*"))
    sizes = table(by_component(app))
    (out / "sizes.md").write_text(sizes + "\n", encoding="utf-8")
    print(sizes)


def archive(out: Path) -> Path:
    """Pack the app with its links and file permissions; return the archive's path."""
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
    """Replace the builder's user and group by root."""
    item.uid = item.gid = 0
    item.uname = item.gname = "root"
    return item


def _python_of(environment: Path) -> Path:
    windows = environment / "Scripts" / "python.exe"
    return windows if windows.exists() else environment / "bin" / "python"


def _run(command: list[str], *, quiet: bool = False, **options: object) -> None:
    """Run a command; end the build if it fails."""
    if quiet:
        options["stdout"] = subprocess.DEVNULL
    code = subprocess.run(command, check=False, **options).returncode  # type: ignore[call-overload]
    if code:
        raise SystemExit(f"{Path(command[0]).name} {' '.join(command[1:4])} ended with {code}")


if __name__ == "__main__":
    sys.exit(main())
