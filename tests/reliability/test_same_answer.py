"""The window and the command compute the same bits: both only feed the one scheduler."""

import pytest

from engine.cli.main import main
from engine.plan.planfile import read_plan
from engine.store.study import Study
from tests.reliability.forked import PLAN
from tests.reliability.kill import content_of

for library in ("PySide6", "pyqtgraph", "pytestqt"):
    pytest.importorskip(library)


def test_that_the_window_and_the_command_give_the_same_bits(qtbot, tmp_path):
    from gui.session.runner import Runner

    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    assert main(["run", str(plan), "--study", str(tmp_path / "a"), "--device", "cpu"]) == 0
    runner = Runner()
    try:
        study = Study(tmp_path / "b", create=True)
        runner.open(study, "cpu")
        runner.run(reversed(read_plan(plan).specs))
        qtbot.waitUntil(lambda: not runner.busy, timeout=120_000)
    finally:
        assert runner.shutdown()
    content = content_of(Study(tmp_path / "a"))
    assert len(content) == 7
    assert content_of(study) == content
