"""A window shows what another window or a command did to its study."""

from engine.store.study import Study
from engine.store.trash import delete
from gui.session.watching import EVERY_MS
from tests import made_up_study as made_up
from tests.gui.made_up_workspace import new_study, workspace_on


def test_that_records_of_another_window_appear_and_disappear(qtbot, tmp_path):
    study = new_study(tmp_path)
    workspace, _ = workspace_on(study)
    other = Study(study.path)
    added, changed = [], []
    workspace.record_added.connect(lambda entry: added.append(entry.key))
    workspace.records_changed.connect(lambda: changed.append(True))
    made_up.add_images(other)
    workspace.watching.look()
    assert added == [made_up.IMAGES.key]
    workspace.watching.look()
    assert added == [made_up.IMAGES.key]
    delete(other, [made_up.IMAGES.key])
    workspace.watching.look()
    assert changed == [True]
    assert not workspace.study.has(made_up.IMAGES)


def test_that_a_window_looks_by_itself_within_seconds(qtbot, tmp_path):
    study = new_study(tmp_path)
    workspace, _ = workspace_on(study)
    with qtbot.waitSignal(workspace.record_added, timeout=5 * EVERY_MS):
        made_up.add_images(Study(study.path))


def test_that_titles_notes_and_the_name_of_another_window_are_shown(qtbot, tmp_path):
    study = new_study(tmp_path)
    made_up.add_images(study)
    workspace, _ = workspace_on(study)
    workspace.watching.look()
    other, changed = Study(study.path), []
    workspace.records_changed.connect(lambda: changed.append(True))
    other.labels.set(made_up.IMAGES.key, title="theirs", note="a note")
    workspace.watching.look()
    assert workspace.study.entry(made_up.IMAGES.key).title == "theirs"
    other.describe(name="Talk")
    workspace.watching.look()
    assert workspace.study.about["name"] == "Talk"
    assert changed == [True, True]
    workspace.edits.describe(notes="mine")
    changed.clear()
    workspace.watching.look()
    assert changed == []
