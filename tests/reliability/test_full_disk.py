"""A disk that is full: imitated at every call, by a limit on sizes, and by a small disk."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.store import atomic, hdf5, index
from engine.store.hdf5 import Content
from engine.store.study import Study, StudyError
from engine.training import loop
from tests.made_up_study import GENERATOR, IMAGES, add_generator
from tests.reliability.made_up_runs import IMAGES_PLAN, NO_WINDOWS, RESULT, scheduled, write

ROOT = Path(__file__).resolve().parent.parent.parent
# In a name space of its own a process may mount what it likes, where the system allows those.
APART = ["unshare", "--mount", "--map-root-user"]


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "s.isthmus", create=True)


def full(*_, **__):
    raise OSError(28, "No space left on device")


def write_record(study):
    write(study, IMAGES)


def write_checkpoint(study):
    study.save_checkpoint(IMAGES, Content({"fit": {}}, {}))


def write_notes(study):
    study.describe(notes="new")


def write_location(study):
    study.set_location("abc", study.path)


WRITERS = [write_record, write_checkpoint, write_notes, write_location]


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
@pytest.mark.parametrize("writer", WRITERS)
def test_that_a_full_disk_is_one_sentence_and_leaves_nothing_behind(
    study, monkeypatch, writer, call
):
    add_generator(study)
    before = {path: path.read_bytes() for path in study.path.rglob("*") if path.is_file()}
    if call == "open":
        monkeypatch.setattr(Path, "write_text", full)
        monkeypatch.setattr(hdf5, "open", full, raising=False)
    else:
        monkeypatch.setattr(atomic.os, call, full)
        monkeypatch.setattr(atomic.os, "link", full)
    with pytest.raises(StudyError, match="cannot be written: No space left on device"):
        writer(study)
    monkeypatch.undo()
    assert {path: path.read_bytes() for path in study.path.rglob("*") if path.is_file()} == before
    assert Study(study.path).has(GENERATOR)


def test_that_a_record_counts_where_only_its_line_in_the_index_finds_no_room(study, monkeypatch):
    really = os.open

    def full_for_writing(path, flags, *rest, **options):
        if flags & (os.O_WRONLY | os.O_RDWR):
            full()
        return really(path, flags, *rest, **options)

    monkeypatch.setattr(index.os, "open", full_for_writing)
    monkeypatch.setattr(atomic, "sync_folder", lambda folder: None)
    write(study, IMAGES)
    (study.path / "index.jsonl").unlink(missing_ok=True)
    monkeypatch.setattr(index, "new_file", full)
    assert Study(study.path).has(IMAGES)


@NO_WINDOWS
def test_that_a_limit_on_file_sizes_ends_a_run_in_sentences(tmp_path):
    """The limit lets small records through and refuses large ones: a disk that is nearly full."""
    (tmp_path / "plan.toml").write_text(IMAGES_PLAN)
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "from engine.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", limited, "run", tmp_path / "plan.toml", "--study", tmp_path / "s"],
        cwd=ROOT,
        # Half of a compiled module would be kept for all other processes.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1, ran.stderr
    assert "FAILED" in ran.stderr
    assert "cannot be written: File too large" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert main(["check", "--study", str(tmp_path / "s")]) == 0
    assert Study(tmp_path / "s").entries
    assert not list((tmp_path / "s").rglob(".*tmp-*"))


def test_that_a_training_goes_on_where_its_checkpoint_finds_no_room(study, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)

    def compute(spec, context):
        for _ in range(2):
            context.save_checkpoint({"fit": {}}, {})
        monkeypatch.undo()
        return RESULT

    monkeypatch.setattr(atomic.os, "fsync", full)
    ends, notices = scheduled(study, [IMAGES], {IMAGES.kind: compute})
    assert [end.outcome for end in ends] == ["finished"]
    assert len(notices) == 1
    assert "could not be saved" in notices[0].text


def can_mount(place: Path) -> bool:
    """Whether this system lets a process mount a disk of its own."""
    if shutil.which(APART[0]) is None:
        return False
    mount = ["mount", "-t", "tmpfs", "none", place]
    return subprocess.run([*APART, *mount], capture_output=True).returncode == 0


def test_that_a_disk_without_room_loses_nothing_and_the_run_goes_on_with_room(tmp_path):
    if not can_mount(tmp_path):
        pytest.skip("this system lets no one mount a disk")
    command = [sys.executable, "-m", "tests.reliability.small_disk", "--sizes", "24", "96", "288"]
    ran = subprocess.run([*APART, *command], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == 3
