"""What goes wrong around a run: folders, processes, memory, and computations that fail."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from engine.cli.main import main
from engine.jobs.context import Context
from engine.plan.scheduler import Scheduler, Slots
from engine.store import atomic, hdf5
from engine.store.study import Result, Study, StudyError
from engine.training.loop import in_a_batch
from tests.made_up_study import GENERATOR, IMAGES, add_generator, add_images, network
from tests.reliability.forked import PLAN
from tests.reliability.made_up_runs import IMAGES_PLAN, NO_WINDOWS, RESULT, scheduled, write

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "s.isthmus", create=True)


# --------------------------------------------------------------------------------- folders, files


@NO_WINDOWS
def test_that_a_read_only_study_can_be_read_and_refuses_writing_in_a_sentence(study):
    add_images(study)
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere; the next test asks as another user")
    for path in (study.path, *study.path.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        read_only = Study(study.path)
        assert not read_only.writable
        assert read_only.read(IMAGES)
        with pytest.raises(StudyError, match="cannot be written"):
            write(read_only, GENERATOR)
    finally:
        for path in (study.path, *study.path.rglob("*")):
            path.chmod(0o755)


@NO_WINDOWS
def test_that_a_study_of_another_user_can_be_read_and_is_left_alone(study, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    add_images(study)
    (study.path / "index.jsonl").unlink()
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_mode & 0o001 == 0 and "pytest" in str(path):
            path.chmod(0o755)
    before = sorted(study.path.rglob("*"))
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        mine = Study(study.path)
        try:
            write(mine, GENERATOR)
        except StudyError as error:
            os._exit(0 if mine.read(IMAGES) and "cannot be written" in str(error) else 2)
        os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sorted(study.path.rglob("*")) == before


@pytest.mark.parametrize("how", ["renamed", "deleted"])
def test_that_a_study_that_went_away_is_said_and_not_made_anew(study, how, tmp_path):
    add_images(study)

    def compute(spec, context):
        if how == "renamed":
            study.path.rename(tmp_path / "elsewhere")
        else:
            shutil.rmtree(study.path)
        return RESULT

    specs = [network(), network("l2", 0.5)]
    ends, _ = scheduled(study, specs[:1], {"training": compute})
    assert [end.outcome for end in ends] == ["failed"]
    assert "is no longer there" in ends[0].message
    assert not study.path.exists()
    if how == "renamed":
        assert Study(tmp_path / "elsewhere").has(IMAGES)


@pytest.mark.parametrize("left", ["records", ".study.json.tmp-0123abcd-1-0"])
def test_that_a_study_whose_making_was_cut_short_is_made(tmp_path, left):
    path = tmp_path / "s"
    (path / left).mkdir(parents=True) if left == "records" else path.mkdir()
    if left != "records":
        (path / left).write_text("{")
    assert Study(path, create=True).entries == []


@NO_WINDOWS
def test_that_only_temporary_files_of_dead_processes_are_removed(study):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    machine = atomic._MACHINE
    (study.path / "records" / "glyphs").mkdir()
    dead = study.path / "records" / "glyphs" / f".x.h5.tmp-{machine}-{ended.pid}-0"
    alive = dead.with_name(f".x.h5.tmp-{machine}-{os.getpid()}-0")
    remote = dead.with_name(f".x.h5.tmp-{'0' * 8}-{ended.pid}-0")
    for path in (dead, alive, remote):
        path.write_bytes(b"x")
    Study(study.path)
    assert not dead.exists()
    assert alive.exists()
    assert remote.exists()


@NO_WINDOWS
def test_that_a_lock_on_a_file_does_not_stop_reading(study):
    """Network drives refuse or keep locks; none is asked for."""
    import fcntl

    entry = add_images(study)
    with open(study.path / "records" / "glyphs" / f"{entry.key}.h5", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert study.read(entry.key).numbers == entry.numbers


def test_that_a_clock_that_jumps_loses_no_record(study, monkeypatch):
    from datetime import UTC, datetime, timedelta

    times = iter([0, -4000, 90000, -1])

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=next(times))

    monkeypatch.setattr("engine.store.study.datetime", Clock)
    specs = [IMAGES, network(), network("l2", 0.1), network("l2", 0.2)]
    for spec in specs:
        write(study, spec)
    again = Study(study.path)
    assert {entry.key for entry in again.entries} == {spec.key for spec in specs}
    assert list(again.check()) == []


# -------------------------------------------------------------------------------------- processes


def start(plan, study, **options):
    command = [sys.executable, "main.py", "run", plan, "--study", study, "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        text=True,
        **{"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, **options},
    )


def test_that_a_record_another_process_wrote_first_is_kept(study):
    other = Study(study.path)
    first = write(other, IMAGES, Result({"loss": 0.25}))
    before = (study.path / "records" / "glyphs" / f"{first.key}.h5").read_bytes()
    assert write(study, IMAGES).numbers == {"loss": 0.25}
    assert (study.path / "records" / "glyphs" / f"{first.key}.h5").read_bytes() == before
    ends, _ = scheduled(Study(study.path), [IMAGES], {})
    assert ends == []


def test_that_a_record_that_appears_between_look_and_write_is_kept(study, monkeypatch):
    other = Study(study.path)

    def late(path, content, *, exclusive=False):
        monkeypatch.undo()
        write(other, IMAGES, Result({"loss": 0.25}))
        return hdf5.write(path, content, exclusive=exclusive)

    monkeypatch.setattr("engine.store.study.hdf5.write", late)
    assert write(study, IMAGES).numbers == {"loss": 0.25}
    assert len(Study(study.path).entries) == 1


def test_that_what_another_process_finished_is_not_computed(study):
    def compute(spec, context):
        write(Study(study.path), network("l2", 0.5), Result({"loss": 0.25}))
        return RESULT

    first, second = network(), network("l2", 0.5)
    add_images(study)
    ends, _ = scheduled(study, [first, second], {"training": compute})
    assert [end.outcome for end in ends] == ["finished", "finished"]
    assert study.read(second).numbers == {"loss": 0.25}


def test_that_a_damaged_record_is_replaced(study):
    entry = write(study, IMAGES)
    path = study.path / "records" / "glyphs" / f"{entry.key}.h5"
    path.write_bytes(path.read_bytes()[:-1])
    again = Study(study.path)
    write(again, IMAGES)
    assert list(again.check()) == []


def test_that_two_runs_of_one_plan_share_a_study(tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    runs = [start(tmp_path / "plan.toml", tmp_path / "s") for _ in range(2)]
    errors = [run.communicate(timeout=300)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], errors
    assert main(["check", "--study", str(tmp_path / "s")]) == 0
    assert len(Study(tmp_path / "s").entries) == 7
    assert not list((tmp_path / "s").rglob(".*tmp-*"))


@NO_WINDOWS
def test_that_a_run_may_sleep_and_that_no_one_need_listen_to_it(tmp_path):
    """It is stopped and continued as by a sleeping machine, and its reader goes away."""
    (tmp_path / "plan.toml").write_text(IMAGES_PLAN)
    run = start(tmp_path / "plan.toml", tmp_path / "s")
    assert run.stderr.readline().startswith("Images")
    run.stderr.close()
    os.kill(run.pid, signal.SIGSTOP)
    time.sleep(0.5)
    found = len(list((tmp_path / "s").glob("records/*/*.h5")))
    time.sleep(0.5)
    assert len(list((tmp_path / "s").glob("records/*/*.h5"))) == found
    os.kill(run.pid, signal.SIGCONT)
    assert run.wait(300) == 0
    assert len(Study(tmp_path / "s").entries) == 7


@NO_WINDOWS
def test_that_a_second_interrupt_ends_a_run_that_does_not_stop(tmp_path, monkeypatch):
    """A computation that never looks whether it was cancelled cannot hold the command line."""
    (tmp_path / "plan.toml").write_text(PLAN)
    stubborn = (
        "import sys, threading; from engine.plan import computations;"
        "computations.COMPUTATIONS['glyphs'] = lambda *_: threading.Event().wait();"
        "from engine.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", stubborn, "run", str(tmp_path / "plan.toml")]
    run = subprocess.Popen(
        [*command, "--study", str(tmp_path / "s")], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert run.stderr.readline().startswith("Tiny")
    for _ in range(2):
        time.sleep(0.5)
        os.kill(run.pid, signal.SIGINT)
    assert run.wait(20) == 130
    assert "Traceback" not in run.stderr.read()
    run.stderr.close()


# ------------------------------------------------------------------------- computations that fail


def noted(error, size):
    """Return an error as it leaves a batch of a training."""
    with pytest.raises(type(error)), in_a_batch(size):
        raise error
    return error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory."),
            "the device is out of memory outside the batches; smaller or fewer images",
        ),
        (MemoryError(), "the computer is out of memory outside the batches"),
        (
            noted(MemoryError("Unable to allocate 3.00 GiB for an array"), 100),
            "asked for 3.00 GiB while training on a batch of 100 images; try a smaller batch size",
        ),
        (
            RuntimeError("can't allocate memory: you tried to allocate 3010 bytes. Error code 12"),
            "the computer is out of memory, asked for 3010 bytes outside the batches",
        ),
        (RuntimeError("boom"), "RuntimeError: boom"),
        (ValueError("epochs is 0"), "epochs is 0"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (RecursionError("too deep"), "RecursionError: too deep"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_that_one_failure_is_a_sentence_and_the_queue_goes_on(study, error, sentence):
    add_images(study)

    def compute(spec, context):
        if spec == network():
            raise error
        return RESULT

    ends, _ = scheduled(study, [network(), network("l2", 0.5)], {"training": compute})
    failed, finished = ends
    assert (failed.outcome, finished.outcome) == ("failed", "finished")
    assert sentence in failed.message
    assert "\n" not in failed.message
    assert study.has(network("l2", 0.5))


def test_that_a_result_that_cannot_be_stored_is_a_failure(study):
    def compute(spec, context):
        return Result({"loss": 0.5}, documents={"table": {"x": float("nan")}})

    ends, _ = scheduled(study, [IMAGES], {IMAGES.kind: compute})
    assert [end.outcome for end in ends] == ["failed"]
    assert not Study(study.path).has(IMAGES)


def test_that_a_paused_context_holds_no_lock_of_the_study(study):
    """What is paused in the middle of a computation lets others read and write."""
    held = threading.Event()

    def compute(spec, context: Context):
        held.set()
        context.check_cancelled()
        return RESULT

    scheduler = Scheduler(
        study, Slots(torch.device("cpu"), 1, 1), lambda e: None, {"glyphs": compute}
    )
    scheduler.add([IMAGES])
    assert held.wait(10)
    scheduler.pause()
    add_generator(study)
    assert study.read(GENERATOR)
    scheduler.resume()
    assert scheduler.wait(10)
    assert scheduler.stop(10)
