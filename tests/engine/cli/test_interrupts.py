"""Ctrl-C in a command is one line and exit code 130, and the second one ends it at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.cli.interrupts import STOPPED, interruptible
from engine.program import INTERRUPTED, OK

ROOT = Path(__file__).resolve().parents[3]
POSIX = pytest.mark.skipif(os.name == "nt", reason="needs the signals of POSIX")
# The main thread is inside a library and no instruction of Python's own comes for a minute.
DEAF = """
import ctypes, signal, sys
from engine.cli.interrupts import interruptible
def command():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    print("working", flush=True)
    ctypes.CDLL(None).poll(None, 0, 60_000)
sys.exit(interruptible(command))
"""


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
    return OK


@POSIX
def test_that_an_interrupt_is_one_line_and_the_handler_comes_back(capsys):
    before = signal.getsignal(signal.SIGINT)
    assert interruptible(interrupt) == INTERRUPTED
    assert capsys.readouterr().err == f"{STOPPED}\n"
    assert signal.getsignal(signal.SIGINT) is before
    assert interruptible(lambda: OK) == OK


@POSIX
def test_that_an_interrupt_that_a_library_made_an_error_of_its_own_is_one_too(capsys):
    def convert():
        try:
            interrupt()
        except KeyboardInterrupt:
            time.sleep(0.2)
            raise RuntimeError("callback failed") from None

    assert interruptible(convert) == INTERRUPTED
    assert capsys.readouterr().err == f"{STOPPED}\n"
    with pytest.raises(RuntimeError):
        interruptible(_fail)


def _fail():
    raise RuntimeError("on its own")


@POSIX
def test_that_the_second_interrupt_ends_what_hears_none():
    process = subprocess.Popen(
        [sys.executable, "-c", DEAF], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"working\n"
    for _ in range(2):
        time.sleep(1.5)  # by then it is inside the library
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == INTERRUPTED
    assert errors == b""


@POSIX
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("asked", ["methods", "--help", "--version", "run --help"])
def test_that_output_that_cannot_be_written_is_one_line(asked):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "main.py", *asked.split()],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == "isthmus: the output cannot be written: No space left on device\n"


@POSIX
def test_that_names_outside_the_terminals_characters_and_lengths_are_one_line(tmp_path):
    for name in ("naïve-\u4e2d", "x" * 300, "b\udcff"):
        done = subprocess.run(
            [sys.executable, "main.py", "list", "--study", os.fsencode(tmp_path / name)],
            cwd=ROOT,
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
        )
        assert done.returncode in (1, 2), done.stderr
        assert done.stderr.count(b"\n") == 1, done.stderr
        assert b"Traceback" not in done.stderr


# Says which of the standard files the process has, and into what a file goes that is opened then.
STANDARD = """
import os, runpy, sys
sys.argv[1:] = ["--version"]
try:
    runpy.run_path("main.py", run_name="__main__")
except SystemExit:
    pass
with open(os.environ["FOUND"], "w") as found:
    found.write(f"{found.fileno()} {[os.readlink(f'/proc/self/fd/{n}') for n in range(3)]}")
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="reads Linux's /proc")
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
def test_that_a_file_never_takes_the_place_of_a_closed_standard_one(closed, tmp_path):
    # What a library prints there would be written into a record.
    found = tmp_path / "found"
    done = subprocess.run(
        [sys.executable, "-c", STANDARD],
        cwd=ROOT,
        env={**os.environ, "FOUND": str(found)},
        preexec_fn=lambda: [os.close(number) for number in closed],
    )
    assert done.returncode == 0
    number, names = found.read_text().split(" ", 1)
    assert int(number) > 2
    assert all(repr("/dev/null") in names.split(", ")[number] for number in closed)


@POSIX
@pytest.mark.parametrize("arguments", [["methods"], ["run", "plan.toml", "--study", "/s"], []])
def test_that_a_folder_that_is_gone_is_one_line(tmp_path, arguments):
    gone = tmp_path / "gone"
    gone.mkdir()
    # Some Pythons do not even start in such a folder, so it goes once Python has started.
    code = "import os, runpy, sys; os.rmdir(os.getcwd()); sys.argv = sys.argv[1:]"
    code += "; runpy.run_path(sys.argv[0], run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "main.py"), *arguments],
        capture_output=True,
        text=True,
        cwd=gone,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1
    assert done.stderr == "isthmus: the folder that this was started in is gone\n"
