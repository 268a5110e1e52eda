import subprocess
import sys

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
