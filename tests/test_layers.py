"""Imports run one way, and the engine needs no Qt."""

import ast
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


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


def engine_modules():
    return sorted((ROOT / "engine").rglob("*.py"))


def test_that_only_one_module_reads_and_writes_hdf5():
    users = [
        path.name for path in engine_modules() if "h5py" in {name for name, _ in imports_of(path)}
    ]
    assert users == ["hdf5.py"]


def test_that_only_the_runner_starts_threads_in_the_window():
    for path in sorted((ROOT / "gui").rglob("*.py")):
        if path.name != "runner.py":
            names = {name for name, _ in imports_of(path)}
            assert "PySide6.QtCore.QThread" not in names, path.name
            assert "Thread(" not in path.read_text(), path.name


def test_that_the_window_does_not_load_torch_or_matplotlib_before_it_is_up():
    heavy = ("torch", "torchvision", "matplotlib", "scipy")
    for path in sorted((ROOT / "gui").rglob("*.py")):
        for name, at_load in imports_of(path):
            if at_load:
                assert name.split(".")[0] not in heavy, f"{path.name} imports {name}"


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
    for module in engine_modules():
        name = ".".join(module.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        code = f"import importlib; importlib.import_module({name!r})"
        if name in (
            "engine.cli.main",
            "engine.plan.scheduler",
            "engine.figures.study_figures",
            "engine.cli.run",
        ):
            subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, check=True)
    tests = ["tests/engine/specs/test_schema.py", "tests/engine/plan/test_scheduler.py"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:pytest-qt", *tests],
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
