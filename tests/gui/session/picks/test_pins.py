"""Which charts are pinned is remembered with the study, and read back only if it is whole."""

import json

import pytest

from gui.session.picks.pins import MOST, Pin, read
from gui.session.workspace import Workspace

LOSS, TILT = Pin("Train", "training-loss"), Pin("Boundary", "tilt")


@pytest.fixture
def workspace(qtbot, tmp_path):
    found = Workspace()
    assert found.open_study(tmp_path / "one.isthmus", create=True)
    return found


def test_that_pins_keep_their_order_and_are_remembered_per_study(workspace, tmp_path):
    for pin in (LOSS, TILT, LOSS):
        workspace.pins.set_pinned(pin, True)
    assert workspace.pins.pins == (LOSS, TILT)
    assert workspace.open_study(tmp_path / "two.isthmus", create=True)
    assert workspace.pins.pins == ()
    assert workspace.open_study(tmp_path / "one.isthmus")
    assert workspace.pins.pins == (LOSS, TILT)
    workspace.pins.set_pinned(LOSS, False)
    again = Workspace()
    assert again.open_study(tmp_path / "one.isthmus")
    assert again.pins.pins == (TILT,)


def test_that_more_than_the_page_can_keep_up_with_are_refused_in_words(workspace):
    said = []
    workspace.message.connect(lambda text, error: said.append((text, error)))
    for place in range(MOST + 1):
        workspace.pins.set_pinned(Pin("Train", f"chart {place}"), True)
    assert len(workspace.pins.pins) == MOST
    assert said == [
        (f"{MOST} charts are pinned, which is as many as there can be: unpin one first.", True)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "{}",
        '"words"',
        "[1]",
        '[{"page": "Train"}]',
        '[{"page": "Train", "chart": "x", "more": 1}]',
        json.dumps([{"page": "Train", "chart": 7}]),
        json.dumps([{"page": "Train", "chart": "x" * 1000}]),
    ],
)
def test_that_a_damaged_memory_pins_nothing(text):
    assert read(text) == ()


def test_that_what_is_read_is_bounded_and_each_chart_stands_once():
    rows = [{"page": "Train", "chart": f"{place % 20}"} for place in range(100)]
    assert len(read(json.dumps(rows))) == MOST
