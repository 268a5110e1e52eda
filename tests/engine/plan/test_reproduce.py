import io
import os
import shutil
import subprocess
import sys
import tokenize

import pytest

from engine.plan.planfile import load_preset, read_plan
from engine.plan.reproduce import command_text, plan_text, python_text
from engine.program import ROOT
from engine.specs import FolderImages, Glyphs, PaperMLP, Training
from engine.specs.schema import SpecError
from engine.store.study import Study
from tests import made_up_study as made_up

FOLDER = FolderImages(name="cats 'n dogs\n", digest="0" * 64, test_fraction=0.25)
NASTY = 'a\'b "c" $HOME `x` \\ \n {d} é'


def specs():
    """Return one spec of every kind that the presets and the made-up studies compute."""
    network = made_up.network("l2", 0.3)
    names = ("demo", "manifold-glyphs", "paper-boundary-lite")
    found = {spec.kind: spec for name in names for spec in load_preset(name).specs}
    found["score"] = made_up.scored(network, made_up.network(), "kar")
    found["mask"] = found["score"].replace("control", "mask_only")
    found["distances"] = made_up.distances_of(network)
    found["retraining"] = found["mask"].retrainings("attribution")[1]
    found["random"] = found["score"].retrainings("random")[0]
    found["folder"] = Training(images=FOLDER, network=PaperMLP(), epochs=3)
    assert {"training", "maps", "boundary", "interpretability"} <= set(found)
    return [pytest.param(spec, id=name) for name, spec in sorted(found.items())]


@pytest.mark.parametrize("spec", specs())
def test_that_the_plan_holds_exactly_the_spec(tmp_path, spec):
    path = tmp_path / "plan.toml"
    path.write_text(plan_text(spec), encoding="utf-8")
    (found,) = read_plan(path).specs
    assert found == spec
    assert found.key == spec.key


@pytest.mark.parametrize("spec", specs())
def test_that_the_python_builds_exactly_the_spec(tmp_path, spec):
    head, _, _ = python_text(spec, tmp_path / NASTY).partition("study = api.open_study(")
    space = {}
    exec(compile(head, "snippet", "exec"), space)
    assert space[spec.kind] == spec


def test_that_what_is_inside_several_times_is_written_once():
    text = plan_text(made_up.scored(made_up.network("linf", 0.1), made_up.network()))
    assert text.count("[specs.glyphs") == 1
    assert text.count('"@glyphs"') == 2
    assert "batch_size" not in text  # its default


def test_that_the_command_computes_exactly_the_record(tmp_path):
    folder = tmp_path / "a'b $HOME.isthmus"
    spec = Glyphs(train=20, test=10, seed=3)
    text = command_text(spec, folder, "posix")
    done = subprocess.run(["sh", "-c", text], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [entry.key for entry in Study(folder).entries] == [spec.key]


def test_that_the_python_computes_the_record_and_then_reads_it(tmp_path):
    study = Study(tmp_path / "a'b.isthmus", create=True)
    spec = Glyphs(train=20, test=10, seed=3)
    (tmp_path / "snippet.py").write_text(python_text(spec, study.path), encoding="utf-8")
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "snippet.py"], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1].startswith("{'train_images': 20")
    assert [entry.key for entry in Study(study.path).entries] == [spec.key]


SAVED = """\
# Glyphs, record 0123456789abcdef0123
import sys
from pathlib import Path

sys.path.insert(0, {root!r})  # where Isthmus is

from engine.plan import Scheduler, room_on
from engine.specs import (
    Glyphs,
)
from engine.study import Study

glyphs = Glyphs(train=20, test=10, seed=3)

study = Study(Path({study!r}))
if not study.has(glyphs):
    scheduler = Scheduler(study, room_on("auto"), print)
    scheduler.add([glyphs])
    scheduler.wait()
    scheduler.stop()
record = study.read(glyphs)
print(dict(record.numbers))
"""


def test_that_a_snippet_as_version_0_1_0_wrote_it_still_runs(tmp_path):
    study = Study(tmp_path / "s.isthmus", create=True)
    text = SAVED.format(root=str(ROOT), study=str(study.path))
    (tmp_path / "snippet.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "snippet.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("{'train_images': 20")
    assert [entry.key for entry in Study(study.path).entries] == [
        Glyphs(train=20, test=10, seed=3).key
    ]


def test_that_the_package_of_plans_loads_nothing_until_it_is_asked():
    code = (
        "import sys, engine.plan; assert 'torch' not in sys.modules; "
        "assert not hasattr(engine.plan, 'Skeduler'); from engine.plan import room_on; "
        "from engine.plan.scheduler import slots_on as other; assert room_on is other"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_that_a_plan_which_would_say_something_else_is_refused():
    spec = Training(images=FOLDER.replace("name", "@home"), network=PaperMLP())
    with pytest.raises(SpecError, match="'@home'"):
        plan_text(spec)


def test_that_powershell_gets_quotes_of_its_own(tmp_path):
    text = command_text(Glyphs(), tmp_path / "a'b", "powershell")
    assert "a''b'" in text
    lines = text.splitlines()
    assert lines[0].endswith("@'")
    assert any(line.startswith("'@") for line in lines)


TYPED = [
    "a'b",
    "\u2018calc\u2019; calc; \u201acalc\u201b \u201cx\u201d \u201ex",
    "%PATH% !! !x $HOME $(id) `id` ^& | ; && # ~ * ? [a] {b,c} < >",
    "two\nlines",
    "bell\a escape\x1b[2J\x9b2J return\r tab\t delete\x7f",
    "\u2028 \u202e \ufeff é 日本 \U0001f600",
    "\\' \\ \\n '@",
]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("text", TYPED)
def test_that_bash_reads_a_path_back_and_no_control_character_is_pasted(tmp_path, text):
    command = command_text(Glyphs(), tmp_path / text, "posix")
    assert all(letter.isprintable() for letter in command.replace("\n", ""))
    quoted = command.splitlines()[-1].partition(" --study ")[2]
    assert f"--study {quoted}\n" in command, "the path has one line"
    code = f"printf %s {quoted}"
    found = subprocess.run(["bash", "-c", code], check=True, capture_output=True).stdout
    assert found == os.fsencode(tmp_path / text)


@pytest.mark.parametrize("text", TYPED)
def test_that_a_name_is_pasted_as_it_is(tmp_path, text):
    spec = FolderImages(name=text, digest="0" * 64)
    plan = plan_text(spec)
    assert all(letter.isprintable() for letter in plan.replace("\n", ""))
    assert "!" not in plan, "bash puts old commands in its place"
    (tmp_path / "p.toml").write_text(plan, encoding="utf-8")
    (found,) = read_plan(tmp_path / "p.toml").specs
    assert found == spec
    assert not any(line.startswith(("'@", "\u2019@")) for line in plan.splitlines())


@pytest.mark.parametrize("text", TYPED)
def test_that_powershell_ends_no_text_at_a_typographic_quote(tmp_path, text):
    command = command_text(Glyphs(), tmp_path / text, "powershell")
    quoted = command.rpartition(" --study ")[2].removesuffix("\n")
    inside = quoted[1:-1]
    for quote in "'\u2018\u2019\u201a\u201b":
        assert inside.count(quote) == 2 * str(tmp_path / text).count(quote)
        inside = inside.replace(quote * 2, "")
    assert not set(inside) & set("'\u2018\u2019\u201a\u201b")


def test_that_a_title_cannot_choose_the_encoding_of_the_python(tmp_path):
    spec = FolderImages(name="coding: utf-7", digest="0" * 64)
    text = python_text(spec, tmp_path)
    encoding, _ = tokenize.detect_encoding(io.BytesIO(text.encode()).readline)
    assert encoding == "utf-8"
    assert "coding: utf-7" in text
