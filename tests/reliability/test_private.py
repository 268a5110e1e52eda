"""Nothing is sent or fetched, and nothing of a study of others outlives its window."""

import os
import subprocess
import sys
from pathlib import Path

from tests.reliability.forked import PLAN
from tests.test_layers import ROOT

# Every way out: name look-ups, connections, datagrams. An audit hook sees them in C code, too.
GUARD = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg",
                 "socket.gethostbyname", "urllib.Request", "socket.bind"):
        print("NETWORK", event, arguments, flush=True)
        import os; os._exit(99)
sys.addaudithook(refuse)
"""


def guarded(program: str, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen"}
    return subprocess.run(
        [sys.executable, "-c", GUARD + program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=environment,
    )


def test_that_the_guard_itself_works():
    found = guarded("import socket; socket.create_connection(('127.0.0.1', 9), 1)")
    assert found.returncode == 99
    assert "NETWORK" in found.stdout


def test_that_a_run_and_all_other_commands_use_no_network(tmp_path: Path):
    (tmp_path / "plan.toml").write_text(PLAN)
    program = """
from engine.cli.main import main
home = sys.argv[1]
study = ["--study", home + "/s"]
codes = [
    main(["run", home + "/plan.toml", *study, "--device", "cpu"]),
    main(["list", *study]),
    main(["show", *study]),
    main(["check", "--repair", *study]),
    main(["export", "tradeoff", "--out", home + "/x.pdf", *study]),
    main(["pack", "--out", home + "/x.h5", *study]),
    main(["unpack", home + "/x.h5", "--study", home + "/b"]),
]
sys.exit(any(codes))
"""
    found = guarded(program, str(tmp_path))
    assert found.returncode == 0, found.stdout + found.stderr


def test_that_importing_everything_uses_no_network():
    program = """
import importlib, importlib.util, pkgutil
packages = ["engine"]
if all(map(importlib.util.find_spec, ("PySide6", "pyqtgraph"))):
    packages.append("gui")
for name in packages:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        importlib.import_module(module.name)
"""
    found = guarded(program)
    assert found.returncode == 0, found.stdout + found.stderr


def test_that_a_run_writes_nothing_outside_its_study(tmp_path: Path):
    (tmp_path / "plan.toml").write_text(
        PLAN.replace('run = ["standard", "robust", "scores", "generator"]', 'run = ["images"]')
    )
    program = """
import os
home, study = sys.argv[1], sys.argv[1] + "/s"
wrote = []
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and isinstance(arguments[2], int):
        if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            wrote.append(arguments[0])
    if event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir"):
        wrote.append(os.fspath(arguments[0]))
from engine.cli import main as cli, run
sys.addaudithook(watch)
code = cli.main(["run", home + "/plan.toml", "--study", study, "--device", "cpu"])
outside = [place for place in wrote if not place.startswith(study) and "__pycache__" not in place]
print(outside)
sys.exit(code or bool(outside) or not wrote)
"""
    found = guarded(program, str(tmp_path))
    assert found.returncode == 0, found.stdout + found.stderr
