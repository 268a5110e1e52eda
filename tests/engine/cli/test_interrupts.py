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


CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
# Its cleaning up takes a while, as that of a command that packs a study may. It is sent the signals
# of its arguments, one right after the other.
CLEANING = """
import os, signal, sys, threading, time
from engine.cli.interrupts import interruptible
def send():
    for name in sys.argv[1:]:
        os.kill(os.getpid(), getattr(signal, name))
        time.sleep(0.001)
def command():
    print("working", flush=True)
    threading.Timer(0.1, send).start()
    try:
        time.sleep(60)
    finally:
        time.sleep(0.2)
        print("clean", flush=True)
sys.exit(interruptible(command))
"""
# A plan that waits for its computations; the second signal finds it still waiting.
WAITING = """
import sys, time
from engine.cli.interrupts import interruptible
from engine.cli.import_network import wait
class Scheduler:
    def wait(self, seconds):
        if not self.heard:
            self.heard = True
            print("working", flush=True)
        time.sleep(seconds)
        return self.done and time.monotonic() > self.done
    def cancel(self):
        self.done = self.done or time.monotonic() + float(sys.argv[1])
    done, heard = 0.0, False
def command():
    wait(Scheduler())
    print("ended well", flush=True)
    return 130
sys.exit(interruptible(command))
"""


def interrupt(number=signal.SIGINT):
    os.kill(os.getpid(), number)
    time.sleep(1)
    return OK


def started(code, *arguments, **more):
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **more,
    )
    assert process.stdout.readline() == b"working\n"
    return process


@POSIX
@pytest.mark.parametrize("name", CODES)
def test_that_an_interrupt_is_one_line_and_the_handler_comes_back(capsys, name):
    number = getattr(signal, name)
    before = signal.getsignal(number)
    assert interruptible(lambda: interrupt(number)) == CODES[name]
    assert capsys.readouterr().err == f"{STOPPED}\n"
    assert signal.getsignal(number) is before
    assert interruptible(lambda: OK) == OK


@POSIX
@pytest.mark.parametrize("name", CODES)
def test_that_a_signal_that_is_passed_on_twice_is_one_and_what_cleans_up_ends_its_work(name):
    # As by `timeout`, which sends it to the process and to its group.
    process = started(CLEANING, name, name, name)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (CODES[name], b"clean\n", b"isthmus: stopped\n")


@POSIX
@pytest.mark.parametrize("name", CODES)
def test_that_a_plan_that_waits_is_stopped_by_the_first_and_ended_by_the_second(name):
    process = started(WAITING, "0.5")
    process.send_signal(getattr(signal, name))
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (CODES[name], b"ended well\n", b"")
    process = started(WAITING, "60")
    for _ in range(2):
        process.send_signal(getattr(signal, name))
        time.sleep(0.6)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (CODES[name], b"", b"")


@POSIX
def test_that_the_end_of_the_terminal_does_nothing_under_nohup():
    process = started(
        WAITING, "0.1", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    )
    process.send_signal(signal.SIGHUP)
    time.sleep(0.6)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == CODES["SIGTERM"]


@POSIX
def test_that_the_end_of_a_terminal_that_takes_no_line_any_more_is_still_an_orderly_one(tmp_path):
    import pty

    outer, inner = pty.openpty()
    with open(tmp_path / "said", "wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", CLEANING],
            cwd=ROOT,
            stdin=inner,
            stdout=said,
            stderr=inner,
            start_new_session=True,
        )
    os.close(inner)
    while b"working" not in (tmp_path / "said").read_bytes():
        time.sleep(0.05)
    os.close(outer)
    process.send_signal(signal.SIGHUP)
    assert process.wait(20) == CODES["SIGHUP"]
    assert (tmp_path / "said").read_bytes() == b"working\nclean\n"


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


@POSIX
def test_that_an_interrupt_made_another_error_at_once_is_one_too(capsys):
    """As Python does while it makes a class: the thread that counts has not heard of it yet."""

    class Interrupting:
        def __set_name__(self, *_):
            signal.raise_signal(signal.SIGINT)

    before = sys.getswitchinterval()
    sys.setswitchinterval(10)  # the other thread gets no turn in between
    try:
        assert interruptible(lambda: type("Made", (), {"field": Interrupting()})) == INTERRUPTED
    finally:
        sys.setswitchinterval(before)
    assert capsys.readouterr().err == f"{STOPPED}\n"


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
