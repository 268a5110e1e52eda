import pytest

from gui.pages.common.refresh import RefreshedPage
from tests.gui.made_up_workspace import new_study, workspace_on


class Counting(RefreshedPage):
    """Counts how often it reads."""

    title = "Counting"
    refresh_ms = 1

    def __init__(self, workspace):
        super().__init__(workspace)
        self.reads = []

    def read(self, study):
        self.reads.append(study)


@pytest.fixture
def page(tmp_path, qtbot):
    workspace, _ = workspace_on(new_study(tmp_path))
    page = Counting(workspace)
    qtbot.addWidget(page)
    return page


def test_that_many_changes_are_one_look(page, qtbot):
    page.show()
    qtbot.waitUntil(lambda: len(page.reads) == 1)
    for _ in range(50):
        page._soon()
    qtbot.waitUntil(lambda: not page._due.isActive())
    assert page.reads == [page.workspace.study] * 2


def test_that_what_changed_out_of_sight_is_looked_at_once_when_shown(page, qtbot):
    page._soon()
    page._soon()
    qtbot.wait(20)
    assert page.reads == []
    page.show()
    qtbot.waitUntil(lambda: len(page.reads) == 1)
    page.hide()
    page.show()  # nothing changed meanwhile
    qtbot.wait(20)
    assert len(page.reads) == 1


def test_that_without_a_study_nothing_is_read(qtbot):
    workspace, _ = workspace_on(None)
    page = Counting(workspace)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: not page._due.isActive())
    assert page.reads == []
