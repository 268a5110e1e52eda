"""What main.py does with its first argument, and that a slip is answered without any library."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

import main as program
from engine.cli import parser as typed
from engine.cli.commands import FUNCTIONS
from engine.devices.found import NAMES
from engine.figures.catalog import FIGURES
from engine.plan.scheduler import slots_on
from engine.program import VERSION

ROOT = Path(__file__).resolve().parents[3]
LIBRARIES = ("torch", "numpy", "h5py", "matplotlib", "PySide6")
BLOCKED = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {LIBRARIES}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
"""


@pytest.fixture
def bare(tmp_path):
    """Return a function that runs main.py in a folder of its own, where no library can load."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(BLOCKED)
    (tmp_path / "here").mkdir()

    def run(*arguments):
        return subprocess.run(
            [sys.executable, str(ROOT / "main.py"), *arguments],
            cwd=tmp_path / "here",
            env={"PYTHONPATH": str(tmp_path / "hook")},
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def opened(monkeypatch):
    """Return the lists of paths that main.py opened a window with; none opens."""
    found = []
    monkeypatch.setattr(program, "_window", lambda paths, *options: found.append(paths) or 0)
    return found


def test_that_the_version_is_printed_without_any_library(bare):
    done = bare("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"isthmus {VERSION}\n", "")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_that_help_names_every_command_without_any_library(bare, option):
    done = bare(option)
    assert (done.returncode, done.stderr) == (0, "")
    for name, (help, _) in typed.COMMANDS.items():
        assert name in done.stdout
        assert help in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (["exprot", "--study", "s"], "'exprot' (did you mean 'export'?) is no command"),
        (["unpak"], "'unpak' (did you mean 'unpack'?) is no command"),
        (["no such.png"], "'no such.png' is no command and no path that exists"),
        (["no/such.isthmus", "other"], "'no/such.isthmus' is no command and no path that exists"),
        (["x" * 5000], "is no command and no path that exists"),
        (["--verison"], "'--verison' (did you mean '--version'?)"),
        ([str(ROOT), "gone.png"], "'gone.png' is no command and no path that exists"),
    ],
)
def test_that_what_is_no_command_and_no_path_is_one_line(bare, arguments, near):
    done = bare(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert near in done.stderr
    if "is no command" in near:
        assert done.stderr.endswith(
            "must be one of run, import, list, show, export, cite, pack, unpack, check, methods, "
            "or the path of a study, a folder of images, an image or a file of weights\n"
        )


def test_that_what_exists_opens_the_window(opened, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-odd").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "weights.pt").write_bytes(b"")
    (tmp_path / "link.png").symlink_to("gone.png")  # the window says what is wrong with it
    given = [[], [str(tmp_path)], ["weights.pt", "link.png"], ["-odd"], ["./run"]]
    for arguments in given:
        assert program.main(arguments) == 0
    assert opened == [[Path(name) for name in arguments] for arguments in given]


def test_that_a_command_goes_before_a_folder_of_its_name(opened, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list").mkdir()
    assert program.main(["list", "--study", "none"]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert opened == []


@pytest.mark.parametrize(
    ("arguments", "commands"),
    [
        ([], []),
        (["--do", "View > Maps", "{path}", "--do=Quit"], ["View > Maps", "Quit"]),
        (["{path}", "--commands"], None),
        (["--commands"], None),
    ],
)
def test_that_the_window_is_told_what_to_do(monkeypatch, tmp_path, arguments, commands):
    told = []
    monkeypatch.setattr(program, "_window", lambda *given: told.append(given) or 0)
    given = [argument.format(path=tmp_path) for argument in arguments]
    assert program.main(given) == 0
    paths = [tmp_path] if str(tmp_path) in given else []
    assert told == [(paths, [], commands)]


@pytest.mark.parametrize("option", ["--do", "--commands"])
def test_that_commands_refuse_what_is_for_the_window(opened, capsys, option):
    with pytest.raises(SystemExit):
        program.main(["list", "--study", "s", option, "x"])
    assert option in capsys.readouterr().err
    assert not opened


def test_that_what_the_finder_adds_is_left_out(opened, tmp_path):
    assert program.main(["-psn_0_12345"]) == 0
    assert program.main(["-psn_0_12345", str(tmp_path)]) == 0
    assert opened == [[], [tmp_path]]


def test_that_every_command_has_a_function():
    assert list(FUNCTIONS) == list(typed.COMMANDS)


def test_that_the_help_names_every_figure():
    command = argparse.ArgumentParser()
    typed.COMMANDS["export"][1](command)
    text = " ".join(command.format_help().split())
    for name in (*FIGURES, "report"):
        assert f" {name}," in text or f" {name}:" in text, name


@pytest.mark.parametrize("device", NAMES)
def test_that_a_device_which_may_be_named_is_one_that_the_scheduler_knows(device, monkeypatch):
    monkeypatch.setattr("engine.plan.slots.why_not", lambda kind: "")
    monkeypatch.setattr("engine.plan.slots.automatic", lambda: ("cuda", ""))
    assert slots_on(device).device.type == ("cuda" if device == "auto" else device)


@pytest.mark.parametrize("name", list(typed.COMMANDS))
def test_that_every_option_is_also_known_by_its_beginning(name):
    """Options are looked for before argparse does, which takes the beginning of a name."""
    with pytest.raises(SystemExit) as ended:
        typed.parser().parse_args([name, "--he"])
    assert ended.value.code == 0
