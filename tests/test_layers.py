"""Imports run one way, and the engine needs no Qt."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A package may import only from itself and from those before it. Imports for typing count too.
ENGINE = [
    "program",
    "address_space",
    "cores",
    "memory",
    "texts",
    "fonts",
    "specs",
    "store",
    "devices",
    "study",  # one name, for snippets that were copied from version 0.1.0
    "citing",
    "networks",
    "data",
    "attacks",
    "tradeoff",
    "attribution",
    "jobs",
    "training",
    "retraining",
    "manifold",
    "boundary",
    "measures",
    "plugin_draws",
    "plugin_calls",
    "plugins",
    "plan",
    "figures",
    "api",  # the names that scripts and notebooks use
    "cli",
]
GUI = [
    "look",
    "widgets",
    "session",
    "plugins",
    "queue",
    "network",
    "experiments",
    "palette",
    "pages",
    "shell",
    "app",
]
WINDOW = ("gui", "PySide6", "pyqtgraph")
MOST_FILES = 20
MOST_LINES = 400


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path):
    """Yield (dotted name, whether it is imported while the module loads)."""
    tree = ast.parse(path.read_text())
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in top
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in top
            for alias in node.names:
                yield f"{node.module}.{alias.name}", id(node) in top


def by_path(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize(
    ("layers", "path"),
    [
        *((ENGINE, path) for path in modules("engine")),
        *((GUI, path) for path in modules("gui")),
    ],
    ids=lambda value: by_path(value) if isinstance(value, Path) else "",
)
def test_that_a_package_imports_only_from_those_before_it(layers, path):
    top, *rest = name_of(path).split(".")
    if not rest:
        return
    assert rest[0] in layers, f"{rest[0]} has no place in the list of layers"
    allowed = layers[: layers.index(rest[0]) + 1]
    for name, _ in imports_of(path):
        package, _, inner = name.partition(".")
        if package == top and inner:
            assert inner.split(".")[0] in allowed, f"{by_path(path)} imports {name}"


@pytest.mark.parametrize("path", modules("engine"), ids=by_path)
def test_that_the_engine_knows_nothing_of_the_window(path):
    for name, _ in imports_of(path):
        assert name.split(".")[0] not in WINDOW, f"{by_path(path)} imports {name}"


@pytest.mark.parametrize("path", modules("gui/pages"), ids=by_path)
def test_that_a_page_imports_nothing_of_another_page(path):
    own = path.relative_to(ROOT / "gui" / "pages").parts[0]
    if own == "__init__.py":
        return
    folders = {folder.name for folder in (ROOT / "gui" / "pages").iterdir() if folder.is_dir()}
    for name, _ in imports_of(path):
        if name.startswith("gui.pages."):
            other = name.split(".")[2]
            assert other not in folders - {own, "common"}, f"{by_path(path)} imports {name}"


def test_that_no_modules_import_each_other_in_a_circle():
    known = {name_of(path): path for package in ("engine", "gui") for path in modules(package)}
    wanted = {
        name: {other for other, _ in imports_of(path) if other in known} - {name}
        for name, path in known.items()
        if path.name != "__init__.py"
    }
    while True:
        done = {name for name, others in wanted.items() if not others & set(wanted)}
        if not done:
            break
        wanted = {name: others for name, others in wanted.items() if name not in done}
    assert not wanted, f"in or before a circle: {sorted(wanted)}"


@pytest.mark.parametrize("package", ["engine", "gui"])
def test_that_no_folder_and_no_file_grows_beyond_what_is_read_at_a_sitting(package):
    for folder in {path.parent for path in modules(package)}:
        count = len([path for path in folder.glob("*.py") if path.name != "__init__.py"])
        assert count <= MOST_FILES, f"{by_path(folder)} holds {count} files"
    for path in modules(package):
        lines = path.read_text().count("\n")
        assert lines <= MOST_LINES, f"{by_path(path)} has {lines} lines"


@pytest.mark.parametrize("package", ["engine", "gui"])
def test_that_every_folder_is_a_package_that_imports_nothing(package):
    """PyInstaller's collect_submodules leaves out folders without an __init__.py.

    ``engine.plan`` hands out two names that snippets copied from version 0.1.0 import from it: it
    may import its own module when one of them is asked for, and ``typing``. ``engine`` quiets a log
    of matplotlib before any of its modules imports that.
    """
    exempt = {"engine/specs", "gui/pages"}
    late = {
        "engine": {"logging"},
        "engine/plan": {"typing", "typing.Any", "engine.plan", "engine.plan.scheduler"},
    }
    for folder in {path.parent for path in modules(package)}:
        init = folder / "__init__.py"
        assert init.exists(), f"{by_path(folder)} has no __init__.py"
        if by_path(folder) not in exempt:
            found = {name for name, _ in imports_of(init)}
            assert found <= late.get(by_path(folder), set()), f"{by_path(init)} imports"
            loaded = {name for name, at_load in imports_of(init) if at_load}
            assert loaded <= {"logging", "typing", "typing.Any"}, (
                f"{by_path(init)} imports while it loads"
            )


def test_that_only_one_module_reads_and_writes_hdf5():
    users = [
        path.name for path in modules("engine") if "h5py" in {name for name, _ in imports_of(path)}
    ]
    assert users == ["hdf5.py"]


def test_that_only_the_runner_starts_threads_in_the_window():
    for path in modules("gui"):
        if path.name not in ("runner.py", "lanes.py"):
            names = {name for name, _ in imports_of(path)}
            assert "PySide6.QtCore.QThread" not in names, path.name
            assert "Thread(" not in path.read_text(), path.name
        else:
            assert "session" in path.parts


def test_that_the_window_does_not_load_torch_or_matplotlib_before_it_is_up():
    heavy = ("torch", "torchvision", "matplotlib", "scipy")
    for path in modules("gui"):
        for name, at_load in imports_of(path):
            if at_load:
                assert name.split(".")[0] not in heavy, f"{path.name} imports {name}"


def test_that_the_window_starts_without_what_only_figures_and_tests_of_scipy_need():
    """Each of these takes a second to import, before the pages can be built."""
    code = (
        "import sys, engine.plan.scheduler, gui.pages; [place.load() for place in gui.pages.PAGES];"
        "sys.exit(str({'matplotlib', 'scipy.stats', 'torch._dynamo', 'sympy'} & {*sys.modules}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ran.stderr.strip() == "set()"


def test_that_the_engine_and_its_tests_run_where_qt_is_not_installed(tmp_path):
    """Block the window's libraries and run the engine's quickest tests and a command."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Blocked:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('PySide6', 'shiboken6', 'pyqtgraph', 'gui'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Blocked())\n"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    blocked = subprocess.run(
        [sys.executable, "-c", "import PySide6"], env=env, cwd=ROOT, capture_output=True
    )
    assert blocked.returncode != 0
    names = [name_of(module) for module in modules("engine")]
    code = f"import importlib; [importlib.import_module(name) for name in {names!r}]"
    subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, check=True)
    tests = ["tests/engine/specs/test_schema.py", "tests/engine/plan/test_scheduler.py"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:pytest-qt", *tests],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    window = subprocess.run(
        [sys.executable, "main.py"], env=env, cwd=ROOT, capture_output=True, text=True
    )
    assert window.returncode == 2
    assert "needs PySide6" in window.stderr


@pytest.mark.parametrize(("heading", "layers"), [("### engine/", ENGINE), ("### gui/", GUI)])
def test_that_the_page_of_the_architecture_has_these_packages_in_this_order(heading, layers):
    page = (ROOT / "docs" / "architecture.md").read_text()
    section = page.split(heading)[1].split("\n##")[0]
    assert re.findall(r"^\| `(\w+)(?:/|\.py)` \|", section, re.M) == layers


def test_that_every_folder_of_the_engine_has_its_tests_beside_it():
    """A test of engine/attacks/pgd.py is tests/engine/attacks/test_pgd.py."""
    for top in ("engine", "gui"):
        for path in sorted((ROOT / "tests" / top).rglob("test_*.py")):
            folder = path.parent.relative_to(ROOT / "tests")
            assert (ROOT / folder).is_dir(), f"{by_path(path)} mirrors no package"
