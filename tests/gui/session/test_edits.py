"""Changes of a study: made, taken back, made again, refused."""

import threading

import pytest

from engine import specs
from engine.store import trash
from engine.store.asked import Asked, line_of
from engine.store.study import Study
from engine.store.unfinished import unfinished
from gui.session import edits as edits_module
from gui.session.edits import Edits
from tests import made_up_study as made_up
from tests.gui.fakes import WAIT_MS
from tests.gui.made_up_workspace import workspace_on


@pytest.fixture
def workspace(qtbot, tmp_path):
    found, _ = workspace_on(made_up.sweep(tmp_path, eps=(0.02, 0.04), norms=("linf",)))
    found.said = []
    found.message.connect(lambda text, error: found.said.append((text, error)))
    return found


def network(workspace):
    return workspace.entries("training")[1]


def test_that_a_renaming_is_undone_and_redone_and_everyone_hears_of_it(workspace, qtbot):
    edits, entry = workspace.edits, network(workspace)
    with qtbot.waitSignal(workspace.records_changed):
        edits.rename(entry.key, "  the\nstrong one ")
    assert workspace.study.entry(entry.key).title == "the strong one"
    assert edits.stack.undoText() == f"renaming of “{entry.title}”"
    edits.stack.undo()
    assert workspace.study.entry(entry.key) == entry
    edits.stack.redo()
    assert Study(workspace.study.path).entry(entry.key).title == "the strong one"


def test_that_no_letter_of_a_title_becomes_a_key_in_the_menu(workspace, qtbot, monkeypatch):
    edits, entry = workspace.edits, network(workspace)
    edits.rename(entry.key, "black & white")
    edits.note(entry.key, "grey")
    assert edits.stack.undoText() == "note on “black && white”"
    monkeypatch.setattr("gui.session.threads.attempts.PATIENCE", 0.0)
    edits.stack.undo()
    qtbot.waitUntil(lambda: not edits.busy, timeout=WAIT_MS)
    assert any("black & white" in text for text, _ in workspace.said)
    assert all("&&" not in text for text, _ in workspace.said)


def test_that_the_own_title_is_no_label(workspace):
    entry = network(workspace)
    workspace.edits.rename(entry.key, "x")
    workspace.edits.rename(entry.key, entry.title)
    assert workspace.study.labels.of(entry.key).title == ""
    workspace.edits.rename(entry.key, "")
    assert workspace.edits.stack.count() == 2


def test_that_notes_and_the_studys_own_texts_can_be_taken_back(workspace):
    edits, study, key = workspace.edits, workspace.study, network(workspace).key
    name = study.about["name"]
    edits.note(key, "a\nb\n")
    edits.describe(name="Talk", notes="of June")
    assert study.labels.of(key).note == "a\nb"
    assert (study.about["name"], study.about["notes"]) == ("Talk", "of June")
    edits.stack.undo()
    assert (study.about["name"], study.about["notes"]) == (name, "")
    edits.stack.undo()
    assert study.labels.of(key).note == ""
    edits.describe(name="  ")
    assert study.about["name"] == name


def test_that_a_deletion_with_what_depends_on_it_is_undone(workspace):
    study, entry, before = workspace.study, network(workspace), workspace.entries()
    assert len(workspace.edits.going_with([entry.key])) == 5
    assert workspace.edits.delete([entry.key])
    assert len(study.entries) == len(before) - 5
    assert "5 records" in workspace.edits.stack.undoText()
    workspace.edits.stack.undo()
    assert study.entries == before == Study(study.path).entries
    workspace.edits.stack.redo()
    assert len(study.entries) == len(before) - 5


def test_that_what_runs_and_what_it_needs_cannot_be_deleted(workspace, monkeypatch):
    standard = workspace.entries("training")[0]
    running = made_up.scored(made_up.network("linf", 0.3), made_up.network())
    monkeypatch.setattr(type(workspace.runner), "pending", [running])
    before = workspace.entries()
    assert not workspace.edits.delete([standard.key])
    text, error = workspace.said[-1]
    assert error
    assert standard.title in text
    assert running.title in text
    assert workspace.entries() == before
    assert workspace.edits.stack.count() == 0
    assert "is being computed" in workspace.edits.obstacle([running.key])
    assert workspace.edits.obstacle([network(workspace).key]) == ""


def test_that_a_change_that_cannot_be_written_is_a_sentence_and_no_step(workspace, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.store.labels.new_file", full)
    entry = network(workspace)
    workspace.edits.rename(entry.key, "x")
    assert "No space left" in workspace.said[-1][0]
    assert workspace.edits.stack.count() == 0
    assert workspace.study.entry(entry.key).title == entry.title


def test_that_emptying_the_trash_takes_the_steps_with_it(workspace):
    workspace.edits.delete([network(workspace).key])
    workspace.edits.empty_trash()
    assert not workspace.edits.stack.canUndo()
    assert "5 records are gone" in workspace.said[-1][0]


def test_that_the_trash_of_an_earlier_day_can_be_put_back(workspace):
    before = workspace.entries()
    workspace.edits.delete([network(workspace).key])
    workspace.study = Study(workspace.study.path)
    workspace.study_changed.emit()
    assert not workspace.edits.stack.canUndo()
    workspace.edits.put_back_all()
    assert workspace.entries() == before
    assert isinstance(workspace.edits, Edits)


def test_that_a_finished_computation_has_the_new_title_of_its_record(workspace, qtbot):
    from engine.jobs.events import Ended, Queued
    from gui.queue.job_dock import JobDock

    dock = JobDock(workspace)
    qtbot.addWidget(dock)
    entry = network(workspace)
    for event in (Queued(entry.key, entry.kind, entry.title), Ended(entry.key, "finished", 1.0)):
        dock.model.take(event)
    dock.model.flush()
    workspace.edits.rename(entry.key, "the strong one")
    assert dock.model.index(0, 0).data() == "the strong one"
    workspace.edits.stack.undo()
    assert dock.model.index(0, 0).data() == entry.title


def test_that_the_trash_is_put_back_on_a_lane_and_no_step_looks_for_its_files(workspace):
    """Each file in it is read, which would hold the window for seconds."""
    edits, study, entry = workspace.edits, workspace.study, network(workspace)
    asked = []
    workspace.runner.ask = lambda channel, *parts: asked.append((channel, *parts))
    edits.delete([entry.key])
    edits.put_back_all()
    edits.empty_trash()
    assert entry.key not in {found.key for found in study.entries}
    assert not edits.stack.canUndo()
    (first, work, done, _), (second, *_) = asked
    assert first != second
    done(work(None))
    assert entry.key in {found.key for found in study.entries}


def test_that_many_are_deleted_and_put_back_off_the_windows_thread(qtbot, workspace, monkeypatch):
    monkeypatch.setattr(edits_module, "FEW", 2)
    movers, said = set(), []
    move = trash._move
    going = threading.Event()

    def slowly(source, target):
        movers.add(threading.current_thread())
        going.wait(60)
        return move(source, target)

    monkeypatch.setattr(trash, "_move", slowly)
    workspace.message.connect(lambda text, error: said.append((text, error)))
    edits, before = workspace.edits, {entry.key for entry in workspace.entries()}
    key = network(workspace).key
    assert edits.delete([key])
    edits.stack.undo()  # asked for while the deletion goes on: it comes after it
    edits.stack.redo()
    assert edits.busy
    assert len(workspace.entries()) == len(before)
    going.set()
    qtbot.waitUntil(lambda: not edits.busy, timeout=WAIT_MS)
    assert key not in {entry.key for entry in workspace.entries()}
    edits.stack.undo()
    qtbot.waitUntil(lambda: not edits.busy, timeout=WAIT_MS)
    assert {entry.key for entry in workspace.entries()} == before
    assert threading.main_thread() not in movers
    assert not any(error for _, error in said)
    assert any(text.startswith("Undone: deletion of") for text, _ in said)


def test_that_a_deletion_of_many_that_fails_is_one_sentence_and_no_step(
    qtbot, workspace, monkeypatch
):
    monkeypatch.setattr(edits_module, "FEW", 2)
    said = []
    workspace.message.connect(lambda text, error: said.append((text, error)))
    before = {entry.key for entry in workspace.entries()}

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trash, "_move", full)
    workspace.edits.delete([network(workspace).key])
    qtbot.waitUntil(lambda: not workspace.edits.busy, timeout=WAIT_MS)
    assert [error for _, error in said] == [True]
    assert not workspace.edits.stack.canUndo()
    assert {entry.key for entry in workspace.entries()} == before


# ---------------------------------------------------------------------------------- opened networks


@pytest.fixture
def opened():
    return specs.Imported(
        images=made_up.IMAGES,
        network=specs.SmallCNN(normalization="none"),
        evaluation=specs.PGD(),
        name="theirs.pt",
        digest="ab" * 32,
    )


def test_that_undoing_an_import_that_waits_cancels_it(workspace, opened, monkeypatch):
    ran, cancelled = [], []
    monkeypatch.setattr(workspace, "run", ran.extend)
    monkeypatch.setattr(workspace.runner, "cancel", cancelled.append)
    workspace.importer.add(opened)
    assert ran == [opened]
    assert workspace.edits.stack.undoText() == "opening of “theirs.pt”"
    workspace.edits.stack.undo()
    assert cancelled == [opened.key]
    workspace.edits.stack.redo()
    assert ran == [opened, opened]


def test_that_undoing_an_import_deletes_the_network_and_redoing_brings_it_back(workspace, opened):
    study = workspace.study
    workspace.importer.add(opened)
    made_up.add(study, opened, {"clean_accuracy": 0.5})
    attacked = made_up.add_metric(study, opened)
    before = study.entries
    workspace.edits.stack.undo()
    assert not study.has(opened)
    text = "Undone: opening of “theirs.pt”. It went with what was computed from it; records: 1. "
    assert workspace.said[-1] == (text + "Redo restores it.", False)
    assert attacked.key in trash.content(study)[0].stem + trash.content(study)[1].stem
    workspace.edits.stack.redo()
    assert study.entries == before == Study(study.path).entries
    workspace.edits.stack.undo()
    assert not study.has(opened)


def test_that_an_import_on_which_much_or_running_work_stands_is_not_taken_back(
    workspace, opened, monkeypatch
):
    study = workspace.study
    workspace.importer.add(opened)
    made_up.add(study, opened, {"clean_accuracy": 0.5})
    made_up.add_metric(study, opened)
    monkeypatch.setattr(edits_module, "FEW", 0)
    workspace.edits.stack.undo()
    assert workspace.said[-1] == (
        "1 records were computed from “theirs.pt”: delete it on the page Records.",
        True,
    )
    assert study.has(opened)


@pytest.mark.parametrize("way", ["deleted", "import undone", "waiting import undone"])
def test_that_what_was_taken_away_is_not_unfinished(workspace, opened, monkeypatch, way):
    study, asked = workspace.study, Asked(workspace.study.path)
    monkeypatch.setattr(type(workspace.runner), "asked", property(lambda _: asked))
    monkeypatch.setattr(workspace, "run", lambda _: asked.add([line_of(opened)]))
    workspace.importer.add(opened)
    if way != "waiting import undone":
        made_up.add(study, opened, {"clean_accuracy": 0.5})
    if way == "deleted":
        workspace.edits.delete([opened.key])
    else:
        workspace.edits.stack.undo()
    assert not study.has(opened)
    assert unfinished(study, asked) == []
    asked.add([line_of(opened)])  # asked for again
    assert [one.key for one in unfinished(study, asked)] == [opened.key]


def test_that_a_network_that_is_there_already_is_no_step(workspace, opened):
    made_up.add(workspace.study, opened, {"clean_accuracy": 0.5})
    workspace.importer.add(opened)
    assert workspace.edits.stack.count() == 0


def test_that_undo_leaves_what_another_window_wrote_meanwhile(workspace):
    edits, study, key = workspace.edits, workspace.study, network(workspace).key
    other = Study(study.path)
    edits.rename(key, "mine")
    other.labels.set(key, note="a long note of the other window")
    edits.stack.undo()
    found = Study(study.path).labels.of(key)
    assert (found.title, found.note) == ("", "a long note of the other window")
    edits.rename(key, "mine")
    other.labels.set(key, title="theirs")
    edits.stack.undo()
    assert "the title was changed elsewhere meanwhile" in workspace.said[-1][0]
    assert Study(study.path).entry(key).title == study.entry(key).title == "theirs"


@pytest.mark.parametrize("field", ["name", "notes"])
def test_that_two_windows_keep_each_others_name_and_notes(workspace, field):
    edits, study = workspace.edits, workspace.study
    other, rest = Study(study.path), "notes" if field == "name" else "name"
    other.describe(**{rest: "of the other"})
    edits.describe(**{field: "mine"})
    about = Study(study.path).about
    assert (about[field], about[rest]) == ("mine", "of the other")
    other.describe(**{field: "of the other"})
    edits.stack.undo()
    assert "changed elsewhere meanwhile" in workspace.said[-1][0]
    assert Study(study.path).about[field] == "of the other"


def test_that_a_record_that_another_window_deleted_is_said_to_be_gone(workspace):
    edits, entry, study = workspace.edits, network(workspace), workspace.study
    trash.delete(Study(study.path), [entry.key])
    assert edits.delete([entry.key])  # this window still shows it
    assert workspace.study.stored([entry.key]) == []
    edits.rename(entry.key, "x")
    assert workspace.said[-1] == ("This record is gone: it was deleted elsewhere.", True)
    edits.note(entry.key, "x")
    assert edits.delete([entry.key])
    assert workspace.said[-1] == ("This record is gone: it was deleted elsewhere.", True)


def test_that_a_study_that_was_moved_is_said_to_be_gone_by_every_edit(workspace):
    edits, study, entry = workspace.edits, workspace.study, network(workspace)
    edits.rename(entry.key, "x")
    study.path.rename(study.path.with_name("elsewhere.isthmus"))
    for act in (
        edits.stack.undo,
        lambda: edits.note(entry.key, "y"),
        lambda: edits.describe(name="z"),
        lambda: edits.delete([entry.key]),
    ):
        workspace.said.clear()
        act()
        assert workspace.said
        assert workspace.said[-1][1]
    assert not study.path.exists()
