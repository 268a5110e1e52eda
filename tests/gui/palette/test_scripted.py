"""Scripts name commands of the window: ``--do`` does them in turn, ``--commands`` lists them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gui.palette import scripted
from gui.palette.commands import Command
from gui.palette.scripted import Script, listed, named

ROOT = Path(__file__).resolve().parents[3]


def command(*path, keys="", run=lambda: None):
    return Command(path, keys, run)


COMMANDS = [
    command("View", "Trade-off", keys="Ctrl+8"),
    command("View", "Colours", "Dark"),
    command("Attack", "Choose images"),
    command("Maps", "Choose images"),
    command("Quit"),
    command("File", "Quit"),
]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("View › Trade-off", "View › Trade-off"),
        ("view>tradeoff", "View › Trade-off"),
        ("Trade-off", "View › Trade-off"),
        ("Colours > Dark", "View › Colours › Dark"),
        ("maps > choose images", "Maps › Choose images"),
        ("Quit", "Quit"),
        ("File > Quit", "File › Quit"),
    ],
)
def test_that_a_command_is_found_by_its_name(name, title):
    assert named(COMMANDS, name).title == title


@pytest.mark.parametrize("name", ["Trade", "View", "View › Dark", "", "File › Trade-off"])
def test_that_a_part_of_a_name_is_no_name(name):
    assert named(COMMANDS, name) is None


def test_that_a_name_of_several_is_refused_with_their_whole_names():
    with pytest.raises(ValueError, match="Attack › Choose images” and “Maps › Choose images"):
        named(COMMANDS, "choose images")


def test_that_the_list_has_each_name_once_with_its_keys():
    assert listed([COMMANDS[0], COMMANDS[4], COMMANDS[0]]) == "View › Trade-off\tCtrl+8\nQuit\n"


def test_that_commands_are_done_in_turn_each_once_it_is_offered(qtbot):
    done, offered, ready = [], [], []
    first = command("View", "Maps", run=lambda: done.append("maps"))
    script = Script(["View > Maps", "Compute"], lambda: offered, lambda: bool(ready))
    with qtbot.waitSignal(script.ended) as ended:
        qtbot.wait(3 * scripted.POLL_MS)
        offered.append(first)
        qtbot.wait(3 * scripted.POLL_MS)
        assert done == [], "what was named beside the commands is still opened"
        ready.append(True)
        qtbot.waitUntil(lambda: done == ["maps"])
        offered.append(command("Retrain", "Compute", run=lambda: done.append("compute")))
    assert (done, ended.args) == (["maps", "compute"], [""])


def test_that_a_command_that_is_never_offered_ends_the_script(qtbot, monkeypatch):
    monkeypatch.setattr(scripted, "PATIENCE_S", 0.0)
    done = []
    later = command("File", "Quit", run=lambda: done.append("quit"))
    script = Script(["View > Mops", "Quit"], lambda: [later], lambda: True)
    with qtbot.waitSignal(script.ended) as ended:
        pass
    assert ended.args[0].startswith("“View > Mops” cannot be done")
    assert not done


def run(tmp_path, *arguments):
    environ = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "ISTHMUS_CONFIG": str(tmp_path / "config"),
    }
    return subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environ,
        timeout=300,
        check=False,
    )


def test_that_the_program_lists_its_commands(tmp_path):
    found = run(tmp_path, "--commands")
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert {"View › Trade-off\tCtrl+8", "File › Quit\tCtrl+Q", "Welcome › Open study"} <= {*lines}
    assert len(set(lines)) == len(lines)


def test_that_the_program_does_what_a_script_names(tmp_path):
    found = run(tmp_path, "--do", "View > Trade-off", "--do=File > Quit")
    assert found.returncode == 0, found.stderr
