import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from engine import specs
from engine.cli.main import main
from engine.specs.schema import Spec
from engine.store import asked
from engine.store.asked import Asked, line_of
from engine.store.hdf5 import Content
from engine.store.study import Result, Study
from engine.store.unfinished import discard, tidy, unfinished

GLYPHS = specs.Glyphs(train=100, test=50)
ONE, TWO = (
    specs.Training(images=GLYPHS, network=specs.SmallCNN(), epochs=30, seed=seed) for seed in (0, 1)
)


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "s", create=True)


def ask(study, *wanted: Spec) -> Asked:
    made = Asked(study.path)
    made.add(map(line_of, wanted))
    return made


def finish(study, spec):
    study.write(spec, Result({}), seconds=1.0, provenance={})


def save(study, wanted, epoch, **documents):
    study.save_checkpoint(wanted, Content({"fit": {"epoch": epoch}, **documents}, {}))


def told(study, **options):
    return [(one.title, one.progress) for one in unfinished(study, **options)]


def test_that_a_study_without_work_has_nothing_unfinished(study):
    assert unfinished(study) == []
    assert not (study.path / asked.FOLDER).exists()


def test_that_what_was_asked_and_not_computed_is_unfinished_in_order(study):
    ask(study, GLYPHS, TWO, ONE).close()
    finish(study, GLYPHS)
    save(study, ONE, 21)
    assert [one.spec for one in unfinished(study)] == [TWO, ONE]
    assert told(study) == [(TWO.title, "not begun"), (ONE.title, "epoch 21 of 30")]


def test_that_a_checkpoint_alone_tells_what_it_is_of(study):
    save(study, ONE, 21, spec=ONE.as_dict())
    (found,) = unfinished(study)
    assert (found.spec, found.done, found.total) == (ONE, 21, 30)


def test_that_a_checkpoint_of_an_earlier_version_is_shown_and_can_be_discarded(study):
    save(study, ONE, 21)
    (found,) = unfinished(study)
    assert (found.key, found.spec, found.progress) == (ONE.key, None, "epoch 21")
    discard(study, [ONE.key])
    assert unfinished(study) == []
    assert study.checkpoint(ONE) is None


def test_that_a_checkpoint_that_claims_another_spec_is_not_believed(study):
    save(study, ONE, 21, spec=TWO.as_dict())
    assert [one.spec for one in unfinished(study)] == [None]


def test_that_a_damaged_checkpoint_counts_as_not_begun(study):
    ask(study, ONE).close()
    save(study, ONE, 21)
    path = study.path / "checkpoints" / f"{ONE.key}.h5"
    path.write_bytes(path.read_bytes()[:700])
    assert told(study) == [(ONE.title, "not begun")]


def test_that_what_runs_here_is_not_unfinished_and_what_was_cancelled_here_is(study):
    own = ask(study, ONE, TWO)
    assert [one.spec for one in unfinished(study, own=own, going={ONE.key})] == [TWO]
    own.close()


def test_that_discarding_forgets_in_lists_of_this_and_of_ended_processes(study):
    ask(study, ONE, TWO).close()
    own = ask(study, ONE)
    discard(study, [ONE.key], own)
    assert [one.spec for one in unfinished(study, own=own)] == [TWO]
    own.add([line_of(ONE)])
    assert {one.spec for one in unfinished(study, own=own)} == {ONE, TWO}
    own.close()


def test_that_a_line_cut_off_by_a_crash_is_left_out(study):
    own = ask(study, ONE, TWO)
    own.close()
    own.path.write_bytes(own.path.read_bytes()[:-40])
    assert [one.spec for one in unfinished(study)] == [ONE]


@pytest.mark.parametrize(
    "text", [b"\xff\xfe", b"[1]\nnull\n{}\n", b'{"key": 1, "spec": {"kind": 3}}']
)
def test_that_a_list_of_other_content_is_harmless(study, text):
    ask(study, ONE).close()
    (study.path / asked.FOLDER / "x.jsonl").write_bytes(text)
    assert [one.spec for one in unfinished(study)] == [ONE]


def test_that_lists_go_once_everything_has_a_result(study):
    ask(study, ONE).close()
    ask(study, TWO).close()
    finish(study, ONE)
    tidy(study)
    assert len(asked.files(study.path)) == 1
    finish(study, TWO)
    tidy(study)
    assert asked.files(study.path) == []


def test_that_a_read_only_study_can_still_be_asked(study, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(asked.os, "open", refuse)
    ask(study, ONE).close()
    assert unfinished(study) == []


OTHER = """
import sys, time
from pathlib import Path
from engine.specs.schema import from_dict
import engine.specs, json
from engine.store.asked import Asked, line_of
own = Asked(Path(sys.argv[1]))
own.add([line_of(from_dict(json.loads(sys.argv[2])))])
print("asked", flush=True)
time.sleep(60)
"""


def test_that_work_of_a_living_process_is_not_unfinished_and_that_of_a_killed_one_is(study):
    command = [sys.executable, "-c", OTHER, str(study.path), json.dumps(ONE.as_dict())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "asked\n"
        save(study, ONE, 3)
        assert unfinished(study) == []
        tidy(study)
        os.kill(other.pid, signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    until = time.monotonic() + 10
    while not unfinished(study) and time.monotonic() < until:
        time.sleep(0.05)
    assert told(study) == [(ONE.title, "epoch 3 of 30")]


def test_that_list_tells_what_is_unfinished(study, capsys):
    ask(study, GLYPHS, ONE).close()
    finish(study, GLYPHS)
    save(study, ONE, 21)
    assert main(["list", "--study", str(study.path)]) == 0
    out, err = capsys.readouterr()
    assert f"{ONE.key[:10]}  training              unfinished, epoch 21 of 30" in out
    assert err == "1 records, 1 unfinished\n"
    assert main(["list", "--study", str(study.path), "--unfinished", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["key"], found["done"], found["total"]) == (ONE.key, 21, 30)
    assert main(["list", "--study", str(study.path), "--json"]) == 0
    assert [one["key"] for one in json.loads(capsys.readouterr().out)] == [GLYPHS.key]


def test_that_the_lines_of_a_list_are_those_of_its_specs(tmp_path):
    lines = [line_of(ONE.replace("seed", seed)) for seed in range(3)]
    path = tmp_path / "list.jsonl"
    for text in (
        "\n".join(lines),
        "\n".join([*lines, json.dumps({"discarded": TWO.key})]),
        "\n".join(lines)[:-5],
        "[]\n{\n" + lines[0],
        lines[0].replace('{"key"', ' {"key"') + "\n" + lines[1],
        "",
    ):
        path.write_text(text)
        assert asked.lines_in(path).keys() == asked.specs_in(path).keys()


def test_that_thousands_are_found_in_linear_time_beside_thousands_of_records(study):
    """0.1 s of the processor; 3 s where the keys of all records are gathered for each."""
    wanted = {f"{number:020x}": ONE for number in range(8000)}
    own = Asked(study.path)
    own.add(f'{{"key": "{key}", "spec": {ONE.canonical}}}' for key in wanted)
    records = [SimpleNamespace(key=f"{number:020x}") for number in range(7000, 15_000)]
    seen = SimpleNamespace(path=study.path, entries=records)
    began = time.process_time()
    found = unfinished(seen, own=own, known=wanted.get)
    assert time.process_time() - began < 1.0
    assert [one.key for one in found] == list(wanted)[:7000]
    own.close()


def test_that_specs_which_are_known_are_not_read_again(study, monkeypatch):
    own = ask(study, ONE, TWO)
    read = []
    monkeypatch.setattr(asked, "spec_in", lambda line: read.append(line))
    found = unfinished(study, own=own, known={ONE.key: ONE, TWO.key: TWO}.get)
    assert [one.spec for one in found] == [ONE, TWO]
    assert read == []
    own.close()
