"""A limited address space, Ctrl-C in every phase, and processes that delete while others train."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.program import INTERRUPTED, OK
from engine.store import trash
from engine.store.packing import pack
from engine.store.study import Study, StudyError
from tests import image_files
from tests import made_up_study as made_up
from tests.reliability.forked import PLAN
from tests.reliability.made_up_runs import NO_WINDOWS

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = NO_WINDOWS
# Seconds after the start: while Python's modules load, while torch loads, and at work.
PHASES = (0.3, 1.2, 2.5, 4.0)


def command(*arguments, limit: int = 0) -> subprocess.Popen:
    """Start a command, with an address space of so many bytes if that is not 0."""

    def narrow() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    return subprocess.Popen(
        [sys.executable, "main.py", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=narrow,
    )


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path / "plan.toml"


@pytest.fixture
def study(tmp_path):
    found = Study(tmp_path / "s.isthmus", create=True)
    made_up.add_images(found)
    made_up.add_network(found, made_up.network())
    return found


def records_of(study: Study) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in study.path.glob("records/*/*.h5")}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit of the memory")
@pytest.mark.parametrize("megabytes", [150, 400, 900, 1600])
def test_that_a_limited_address_space_is_sentences_and_loses_nothing(megabytes, study, plan):
    before = records_of(study)
    run = command("run", plan, "--study", study.path, "--device", "cpu", limit=megabytes << 20)
    _, errors = run.communicate(timeout=240)
    # Where not even libgcc_s can be loaded, the C library ends the process at the end of a thread.
    assert run.returncode in (OK, 1) or "libgcc_s" in errors, errors
    assert "Traceback" not in errors, errors
    if run.returncode:
        assert errors.strip(), "it ended without a word"
    assert records_of(study).items() >= before.items()
    assert list(Study(study.path).check()) == []
    assert not list(study.path.rglob(".*tmp-*"))


def commands_of(study: Study, plan: Path, folder: Path) -> dict[str, tuple]:
    packed = folder / "packed.h5"
    pack(study, packed)
    images = image_files.write(folder / "pets", image_files.classes({"a": 300, "b": 300}))
    given = ("--study", study.path)
    return {
        "run": ("run", plan, *given, "--device", "cpu"),
        "list": ("list", *given),
        "show": ("show", *given),
        "check": ("check", *given),
        "repair": ("check", "--repair", *given),
        "export": ("export", "report", *given, "--out", folder / "report.pdf"),
        "pack": ("pack", *given, "--out", folder / "again.h5"),
        "unpack": ("unpack", packed, "--out", folder / "unpacked"),
        "import": ("import", folder / "none.pt", *given, "--images", images),
    }


NAMES = ("run", "check", "repair", "export", "pack", "list", "import", "show", "unpack")


@pytest.mark.parametrize("name", NAMES)
def test_that_ctrl_c_in_every_phase_is_at_most_one_line_and_loses_nothing(
    name, study, plan, tmp_path
):
    before = records_of(study)
    for seconds in PHASES:
        started = command(*commands_of(study, plan, tmp_path)[name])
        time.sleep(seconds)
        started.send_signal(signal.SIGINT)
        _, errors = started.communicate(timeout=60)
        assert "Traceback" not in errors, (seconds, errors)
        assert started.returncode in (OK, 2, INTERRUPTED, -signal.SIGINT), (seconds, errors)
        assert records_of(study).items() >= before.items()
        assert list(Study(study.path).check()) == []
        assert not list(tmp_path.rglob(".*tmp-*")), seconds
        # A run may have told how far it is before it was stopped.
        assert name == "run" or len(errors.splitlines()) <= 1, errors
        unpacked = tmp_path / "unpacked"
        if unpacked.exists():  # all of it or nothing
            assert records_of(Study(unpacked)).keys() == before.keys()
            shutil.rmtree(unpacked)


DELETER = """
import random, sys, time
from pathlib import Path
from engine.store import trash
from engine.store.study import Study, StudyError
chance = random.Random(int(sys.argv[2]))
until = time.monotonic() + float(sys.argv[3])
study = Study(Path(sys.argv[1]))
while time.monotonic() < until:
    study = Study(Path(sys.argv[1]))
    keys = [entry.key for entry in study.entries if entry.kind == "metric" or chance.random() < 0.2]
    if keys:
        try:
            deleted = trash.delete(study, [chance.choice(keys)])
            time.sleep(chance.random() / 20)
            if chance.random() < 0.8:
                trash.restore(study, deleted)
        except StudyError as error:
            assert "\\n" not in str(error)
    time.sleep(chance.random() / 20)
"""


def test_that_two_that_delete_and_one_that_trains_lose_nothing(study, plan):
    """Each record is in the study or in its trash at the end, whole, and a run completes it."""
    for eps in (0.02, 0.04, 0.06):
        spec = made_up.network("linf", eps)
        made_up.add_network(study, spec)
        made_up.add_maps(study, spec)
    before = records_of(study)
    deleters = [
        subprocess.Popen(
            [sys.executable, "-c", DELETER, str(study.path), str(seed), "12"],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in (1, 2)
    ]
    run = command("run", plan, "--study", study.path, "--device", "cpu")
    _, errors = run.communicate(timeout=240)
    assert "Traceback" not in errors
    assert run.returncode in (OK, 1), errors  # what it needs may just have been deleted
    for deleter in deleters:
        _, said = deleter.communicate(timeout=120)
        assert deleter.returncode == 0, said
    after = Study(study.path)
    trash.restore_all(after)
    assert records_of(study).items() >= before.items()
    assert list(Study(study.path).check()) == []
    assert main(["run", str(plan), "--study", str(study.path), "--device", "cpu"]) == OK


def test_that_a_study_error_is_one_sentence_where_a_record_was_taken_away(study):
    entry = study.entries[0]
    mine = Study(study.path)
    trash.delete(study, [entry.key])
    with pytest.raises(StudyError) as raised:
        mine.read(entry.key)
    assert "\n" not in str(raised.value)
