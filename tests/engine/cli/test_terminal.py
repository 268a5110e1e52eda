import io
import json
import sys

import pytest

from engine.cli.main import main
from engine.cli.reporter import Reporter
from engine.cli.terminal import Terminal, harmless_output
from engine.jobs.events import Ended, Notice, Progress, Started
from engine.specs import FolderImages
from engine.store.study import Study
from engine.texts import harmless, one_line, shortened
from tests import made_up_study as made_up

TEXT = "a\x1b[2J\x1b]0;title\x07 \x9b31m b\r\x08\x7f \u202egnp.exe\u2066 \u2028 c\udce9 é 日本 \x00"


def is_harmless(text):
    return all(letter.isprintable() or letter in "\n\t" for letter in text)


def test_that_nothing_acts_and_everything_else_stays():
    assert is_harmless(harmless(TEXT))
    assert "é 日本" in harmless(TEXT)
    assert "\\x1b[2J" in harmless(TEXT)
    assert harmless("two\nlines\tand a tab") == "two\nlines\tand a tab"
    assert one_line("two\nlines\t") == "two\\nlines\\t"
    for code in range(0x3000):
        assert is_harmless(harmless(f"{chr(code)} x")) or chr(code).isspace() or code >= 0xA0


def test_that_a_name_is_shortened_in_its_middle():
    assert shortened("abc", 3) == "abc"
    assert shortened("abcdefghi", 5) == "ab…hi"


@pytest.fixture
def study(tmp_path):
    study = Study(tmp_path / "s.isthmus", create=True)
    images = FolderImages(name=TEXT.replace("\udce9", ""), digest="0" * 64)
    made_up.add(study, images, {"classes": 2})
    network = made_up.network(images=images)
    made_up.add_network(study, network)
    made_up.add_score(study, made_up.scored(network, network), 0.1)
    return study


@pytest.mark.parametrize(
    "words",
    [["list"], ["list", "--json"], ["show"], ["show", "--json"], ["show", "{key}"], ["check"]],
)
def test_that_no_command_prints_what_acts_on_a_terminal(study, capsys, words):
    arguments = [word.format(key=study.entries[0].key) for word in words]
    main([arguments[0], "--study", str(study.path), *arguments[1:]])
    out, err = capsys.readouterr()
    assert out + err
    assert is_harmless(out + err)
    if "--json" in words:
        json.loads(out)
    if words == ["list"]:
        assert len(out.splitlines()) == len(study.entries)


@pytest.mark.parametrize("name", [TEXT.replace("\0", "").replace("\udce9", ""), "two\nlines"])
def test_that_a_path_in_an_error_stays_one_harmless_line(tmp_path, capsys, name):
    for arguments in (
        ["list", "--study", str(tmp_path / name)],
        ["run", str(tmp_path / name), "--study", str(tmp_path / "s")],
        ["unpack", str(tmp_path / name), "--study", str(tmp_path / "s")],
        ["export", name, "--study", str(tmp_path), "--out", "x.pdf"],
    ):
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert is_harmless(said)
        assert said.count("\n") == 1


@pytest.mark.parametrize("bar", [True, False])
def test_that_only_the_bar_moves_the_cursor(bar):
    stream = io.StringIO()
    stream.isatty = lambda: bar
    reporter = Reporter(stream)
    reporter.begin(TEXT, 2)
    reporter(Started("a", "training", TEXT))
    reporter(Progress("a", 1.0, 2.0))
    reporter(Notice("a", TEXT))
    reporter(Ended("a", "failed", message=TEXT, details=TEXT, seconds=1.0))
    reporter.close()
    text = stream.getvalue()
    assert bar == ("\r\x1b[K" in text)
    assert is_harmless(text.replace("\r\x1b[K", ""))
    assert "FAILED" in text


def test_that_letters_a_terminal_does_not_know_are_shown_as_escapes():
    raw = io.BytesIO()
    stream = Terminal(io.TextIOWrapper(raw, encoding="ascii"))
    stream.write("caf\xe9 日本\n")
    stream.flush()
    assert raw.getvalue() == b"caf\\xe9 \\u65e5\\u672c\n"


def test_that_the_streams_are_given_back():
    before = sys.stdout, sys.stderr
    with harmless_output():
        assert isinstance(sys.stdout, Terminal)
    assert (sys.stdout, sys.stderr) == before
