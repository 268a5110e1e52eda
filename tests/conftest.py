"""Set-up of all tests: number of processes, threads, and isolation of the user's settings."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Set before any import of torch, for this process and those that tests start. The scheduler's
# workers do the same: floating-point sums depend on the number of threads, and several processes
# with one thread per core would compete for the cores.
os.environ["OMP_NUM_THREADS"] = "1"

# If Python is told not to keep compiled modules, every process that a test starts would compile
# torch and scipy again, which takes longer than most tests. So they share a folder of the checkout.
if sys.dont_write_bytecode and sys.pycache_prefix is None:
    sys.pycache_prefix = str(Path(__file__).parents[1] / ".pytest_cache" / "__pycache__")
    sys.dont_write_bytecode = False
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Set before any import of Qt. ISTHMUS_XVFB asks for a real display server instead.
if os.environ.get("ISTHMUS_XVFB"):
    os.environ["QT_QPA_PLATFORM"] = "xcb"
else:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

GUI = Path(__file__).parent / "gui"
MOST_PROCESSES = 8


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


HAS_QT = all(map(_is_there, ("PySide6", "pyqtgraph", "pytestqt")))
collect_ignore = [] if HAS_QT else [str(GUI)]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many processes to start: one per core, and none for a single file.

    A process takes seconds to load the libraries, which is longer than most single files run.
    """
    files = {argument.partition("::")[0] for argument in config.args}
    if len(files) == 1 and Path(config.invocation_params.dir, *files).is_file():
        return 0
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return min(cores, MOST_PROCESSES) if cores > 1 else 0


def _is_of_window(request: pytest.FixtureRequest) -> bool:
    return GUI in request.path.parents


@pytest.fixture(autouse=True)
def own_settings(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep settings, logs and new studies of a window test in a temporary folder of the test."""
    if _is_of_window(request):
        monkeypatch.setenv("ISTHMUS_CONFIG", str(tmp_path / "config"))
        monkeypatch.setattr("gui.look.settings.documents", lambda: tmp_path / "documents")


@pytest.fixture(scope="session")
def libraries() -> Iterator[None]:
    """Load the libraries of the window tests, and exempt their objects from garbage collection."""
    import pyqtgraph  # noqa: F401

    import engine.plan.scheduler  # noqa: F401

    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def no_garbage_collected_on_workers(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect garbage on the main thread only, and never while something is drawn."""
    if not _is_of_window(request):
        yield
        return
    request.getfixturevalue("libraries")
    gc.disable()
    yield
    gc.collect()
    gc.enable()


@pytest.fixture(autouse=True)
def no_thread_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Stop and join the threads of every runner that a window test made, even if it failed."""
    if not _is_of_window(request):
        yield
        return
    from gui.session.runner import Runner

    runners: list[Runner] = []
    build = Runner.__init__

    def remembering(self: Runner, *args: object) -> None:
        build(self, *args)
        runners.append(self)

    Runner.__init__ = remembering
    yield
    Runner.__init__ = build
    ended = [runner.shutdown() for runner in runners]
    assert all(ended), "a thread did not end in time"
