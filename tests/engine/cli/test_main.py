import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine.cli.main import main
from engine.data.images import ingest
from engine.figures.catalog import FIGURES
from engine.figures.paper.presets import PRESETS
from engine.program import VERSION
from engine.specs.methods import methods
from engine.specs.schema import KINDS
from engine.store.study import Study
from tests.image_files import tiff, write

ROOT = Path(__file__).resolve().parents[3]

PLAN = """
title = "Tiny"
run = ["standard", "robust", "maps", "scores"]

[specs.images]
kind = "glyphs"
train = 200
test = 100

[specs.network]
kind = "small_cnn"
width = 4
hidden = 16

[specs.evaluation]
kind = "pgd"
eps = 0.1
step_size = 0.05
steps = 3

[specs.standard]
kind = "training"
optimizer = { kind = "adam", learning_rate = 5e-3 }
batch_size = 20
images = "@images"
network = "@network"
evaluation = "@evaluation"
evaluation_images = 50
epochs = 6

[specs.robust]
kind = "training"
images = "@images"
network = "@network"
evaluation = "@evaluation"
evaluation_images = 50
epochs = 1
scheme = { kind = "adversarial", attack = { kind = "pgd", eps = 0.1, step_size = 0.05, steps = 3 } }

[specs.maps]
kind = "maps"
classifier = { each = ["@standard", "@robust"] }

[specs.scores]
kind = "interpretability"
classifier = { each = ["@standard", "@robust"] }
attribution = { each = [{ kind = "gradient" }, { kind = "gradient_x_input" }] }
mode = { each = ["roar", "kar"] }
baseline = "@standard"
fractions = [0.5]
repeats = 1
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Run the tiny plan once for the tests that only read."""
    home = tmp_path_factory.mktemp("cli")
    (home / "plan.toml").write_text(PLAN)
    assert main(["run", str(home / "plan.toml"), "--study", str(home / "s"), "--device=cpu"]) == 0
    return home


def isthmus(*arguments, **options):
    return subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        **options,
    )


def test_that_a_second_run_computes_nothing_and_prints_the_same_table(finished, capsys):
    plan, study = finished / "plan.toml", finished / "s"
    capsys.readouterr()
    before = {entry.key: entry.created for entry in Study(study).entries}
    assert main(["run", str(plan), "--study", str(study), "--device", "cpu"]) == 0
    first = capsys.readouterr()
    assert "nothing to compute" in first.err
    assert main(["show", "--study", str(study)]) == 0
    assert capsys.readouterr().out == first.out
    assert {entry.key: entry.created for entry in Study(study).entries} == before


def test_that_the_trade_off_is_printed_as_documented(finished, capsys):
    assert main(["show", "--study", str(finished / "s"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["tradeoff"]
    standard, robust = sorted(found, key=lambda network: network["eps"])
    needed = {"network", "key", "scheme", "norm", "eps", "loss", "seed", "clean_accuracy"}
    assert needed | {"robust_accuracy", "scores"} <= set(standard)
    assert standard["scheme"] == "standard"
    assert standard["eps"] == 0
    assert robust["scheme"] == "adversarial"
    assert robust["norm"] == "linf"
    assert robust["eps"] == 0.1
    for mode in ("roar", "kar"):
        assert set(standard["scores"][mode]) == {"gradient", "gradient_x_input"}
        assert all(isinstance(score, float) for score in standard["scores"][mode].values())


def test_that_a_faithful_run_trains_as_the_released_code_does(tmp_path, capsys):
    (tmp_path / "plan.toml").write_text(PLAN.replace(', "robust", "maps", "scores"]', "]"))
    arguments = ["run", str(tmp_path / "plan.toml"), "--study", str(tmp_path / "s"), "--device=cpu"]
    assert main([*arguments, "--faithful"]) == 0
    (entry,) = [e for e in Study(tmp_path / "s").entries if e.kind == "training"]
    assert entry.spec["order"] == "file"
    capsys.readouterr()
    assert main(["show", "--study", str(tmp_path / "s"), entry.key]) == 0
    assert "variant                  faithful" in capsys.readouterr().out


def test_that_list_is_printed_as_documented(finished, capsys):
    assert main(["list", "--study", str(finished / "s"), "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert {"training", "retraining", "interpretability", "maps", "glyphs"} == {
        entry["kind"] for entry in entries
    }
    assert set(entries[0]) == {"key", "kind", "title", "created", "seconds", "parents"}
    keys = {entry["key"] for entry in entries}
    assert all(set(entry["parents"]) <= keys for entry in entries)


def test_that_one_record_is_shown(finished, capsys):
    key = Study(finished / "s").entries[0].key
    assert main(["show", "--study", str(finished / "s"), key[:8], "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["key"] == key
    assert shown["provenance"]["device"] == "cpu"


@pytest.mark.parametrize("figure", ["tradeoff", "maps", "roar", "kar", "curves"])
@pytest.mark.parametrize("suffix", ["pdf", "svg", "png", "csv"])
def test_that_figures_are_drawn_from_records(finished, tmp_path, figure, suffix):
    out = tmp_path / f"figure.{suffix}"
    assert main(["export", "--study", str(finished / "s"), figure, "--out", str(out)]) == 0
    assert out.stat().st_size > 200


def test_that_check_knows_every_kind_in_a_process_of_its_own(finished):
    found = isthmus("check", "--study", str(finished / "s"))
    assert found.returncode == 0, found.stdout


def test_that_check_names_what_is_damaged(finished, tmp_path, capsys):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(finished / "s", copy)
    assert main(["check", "--study", str(copy)]) == 0
    victim = sorted((copy / "records").glob("training/*.h5"))[0]
    content = bytearray(victim.read_bytes())
    content[-100] ^= 1
    victim.write_bytes(content)
    capsys.readouterr()
    assert main(["check", "--study", str(copy)]) == 1
    assert victim.name in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "demmo", "--study", "{new}"], "'demmo' (did you mean 'demo'?), must be"),
        (["run", "{home}/pln.toml", "--study", "{new}"], "(did you mean '{home}/plan.toml'?)"),
        (["run", "{home}", "--study", "{new}"], "must be a .toml file that exists or one of demo"),
        (
            ["run", "{plan}", "--study", "{new}", "--device", "tpu"],
            "must be one of auto, cpu, cuda",
        ),
        (["run", "{plan}", "--study", "{new}", "--device", "gpu"], "(did you mean 'cuda'?), must"),
        (["run", "{plan}", "--study", "{new}", "--device", "CPU"], "(did you mean 'cpu'?), must"),
        (["run", "{plan}", "--study", "{file}"], "must be a folder"),
        (["run", "{plan}", "--study", "{home}"], "must be empty"),
        (["run", "{plan}", "--study", "{new}", "--set", "robust.epochs=0"], "epochs is 0"),
        (["run", "{plan}", "--study", "{new}", "--set", "robust"], "must be spec.field=value"),
        (["run", "{plan}", "--study", "{new}", "--set", "robst.epochs=1"], "mean 'robust'?), must"),
        (
            ["run", "{plan}", "--study", "{new}", "--set", "robust.epocs=1"],
            "mean 'epochs'?); it has",
        ),
        (["run", "{plan}", "--study", "{new}", "--seed", "-1"], "--seed is -1"),
        (["run", "{plan}", "--study", "{new}", "--seed", "x"], "invalid int value"),
        (["run", "{plan}", "--study", "{new}", "--images", "{home}/none"], "none"),
        (["list", "--study", "{new}"], "does not exist"),
        (["list", "--study", "{home}"], "not a study"),
        (["show", "--study", "{study}", "zzzz"], "no record begins"),
        (["show", "--study", "{study}", "{typo}"], "(did you mean '{key}'?): no record begins"),
        (["export", "--study", "{study}", "picture", "--out", "{home}/x.pdf"], "must be one of"),
        (["export", "--study", "{study}", "trade", "--out", "x.pdf"], "(did you mean 'tradeoff'?)"),
        (["export", "--study", "{study}", "tradeoff", "--out", "{home}/x.doc"], ".doc"),
        (["export", "--study", "{study}", "tradeoff", "--out", "{home}/no/x.pdf"], "cannot be"),
        (["export", "--study", "{study}", "boundary", "--out", "{home}/x.pdf"], "boundary"),
        (["frobnicate"], "'frobnicate' is no command and no path that exists; must be one of run"),
        (["run", "demo"], "--study"),
        (["run", "demo", "--study"], "--study: expected one argument"),
        (["run", "demo", "--stdy", "{new}"], "'--stdy' (did you mean '--study'?), must be one of"),
        (["list", "--study", "{study}", "--jsn=1"], "'--jsn' (did you mean '--json'?), must be"),
        (["list", "--study", "{study}", "-j"], "option is '-j', must be one of --study, --json"),
        (["list", "--study", "{study}", "more"], "unrecognized arguments: more"),
        (["--study", "{study}", "list"], "option is '--study', must be one of --version, --help"),
    ],
)
def test_that_bad_input_is_one_line_and_exit_code_2(
    finished, tmp_path, capsys, arguments, sentence
):
    (tmp_path / "file").write_text("x")
    key = Study(finished / "s").entries[0].key
    places = {
        "plan": finished / "plan.toml",
        "study": finished / "s",
        "key": key,
        "typo": f"{key[:9]}x{key[10:]}",
        "home": finished,
        "new": tmp_path / "new",
        "file": tmp_path / "file",
    }
    given = [argument.format(**places) for argument in arguments]
    try:
        code = main(given)
    except SystemExit as error:
        code = error.code
    printed = capsys.readouterr()
    assert code == 2
    assert sentence.format(**places) in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert printed.out == ""


def test_that_a_typo_in_a_plan_is_one_line_without_a_traceback(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.replace("evaluation_images", "evaluation_image"))
    ran = isthmus("run", plan, "--study", tmp_path / "s")
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "did you mean 'evaluation_images'?" in ran.stderr


def numbers(study):
    return {entry.key: entry.numbers for entry in Study(study).entries}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_that_a_run_that_was_stopped_resumes_to_the_same_numbers(finished, tmp_path, how):
    plan, study = finished / "plan.toml", tmp_path / "s"
    command = [sys.executable, str(ROOT / "main.py"), "run", str(plan), "--study", str(study)]
    command += ["--device", "cpu"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and len(list(study.glob("records/*/*.h5"))) < 4:
        time.sleep(0.05)
    os.kill(process.pid, how)
    _, errors = process.communicate(timeout=60)
    kept = {path.name for path in study.glob("records/*/*.h5")}
    assert len(kept) >= 4
    assert process.returncode == (-9 if how == signal.SIGKILL else 130)
    if how == signal.SIGINT:
        assert b"the same command goes on" in errors
    assert main(command[2:]) == 0
    assert numbers(study) == numbers(finished / "s")
    assert kept <= {path.name for path in study.glob("records/*/*.h5")}
    assert main(["check", "--study", str(study)]) == 0


def test_that_the_version_is_told():
    found = isthmus("--version")
    assert (found.returncode, found.stdout) == (0, f"isthmus {VERSION}\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["exprot", "--study", "s"], "'exprot' (did you mean 'export'?) is no command"),
        (["no-such-folder"], "'no-such-folder' is no command and no path that exists"),
        (["methods", "atacks"], "family is 'atacks' (did you mean 'attacks'?), must be one of"),
        (["run", "demmo", "--study", "s"], "plan is 'demmo' (did you mean 'demo'?), must be"),
        (
            ["run", "demo", "--study", "s", "--device", "gpu"],
            "device is 'gpu' (did you mean 'cuda'?)",
        ),
        (["export", "tradeof", "--study", "s", "--out", "x.pdf"], "did you mean 'tradeoff'?"),
        (["list", "--study", "s", "--jsn"], "option is '--jsn' (did you mean '--json'?)"),
        (["list"], "the following arguments are required: --study"),
    ],
)
def test_that_what_is_mistyped_is_answered_in_one_line(arguments, sentence, tmp_path):
    """None of them may open the window, whose libraries would be an error here."""
    found = isthmus(*arguments, cwd=tmp_path, env={**os.environ, "QT_QPA_PLATFORM": "none"})
    assert found.returncode == 2, found.stderr
    assert found.stdout == ""
    (line,) = found.stderr.splitlines()
    assert sentence in line


def test_that_all_methods_are_listed_with_their_fields(capsys):
    assert main(["methods", "--json"]) == 0
    found = {entry["kind"]: entry for entry in json.loads(capsys.readouterr().out)["methods"]}
    assert set(KINDS) | set(FIGURES) | set(PRESETS) == set(found)
    steps = next(item for item in found["pgd"]["fields"] if item["name"] == "steps")
    assert steps["default"] == 10
    assert steps["allowed"] == "a whole number at least 1 and at most 10000"
    assert found["trades"]["source"] == "Zhang 2019, eq. 5"
    assert main(["methods", "attributions"]) == 0
    shown = capsys.readouterr().out
    assert "integrated_gradients" in shown
    assert "small_cnn" not in shown


def test_that_every_method_says_what_it_is():
    for method in methods():
        assert method.summary.endswith("."), method.kind


def test_that_the_rule_for_values_and_alarms_are_told_and_recorded(tmp_path, capsys):
    generator = np.random.default_rng(0)
    for number in range(10):
        values = generator.random((8, 8), np.float32)
        write(tmp_path / "noise", {f"calm/{number}.tif": tiff(values)})
        over = values[::-1] / values.max() * np.float32(1.000001)
        write(tmp_path / "noise", {f"over/{number}.tif": tiff(over)})
    plan = tmp_path / "plan.toml"
    plan.write_text(f"[specs.images]\npath = {json.dumps(str(tmp_path / 'noise'))}\n")
    study = tmp_path / "s.isthmus"
    assert main(["run", str(plan), "--study", str(study)]) == 0
    told = capsys.readouterr().err
    spec, _ = ingest(tmp_path / "noise")
    (entry,) = Study(study).entries
    assert entry.key == spec.key
    assert (spec.black, spec.white) == (0, 1)
    alarm = "Alarm: 10 of 10 images of class 'over' and 0 of 10 others"
    rule = "20 images: values from 0 to 1 were scaled to 8 bits."
    assert alarm in told
    assert rule in told
    assert main(["show", "--study", str(study), entry.key]) == 0
    shown = capsys.readouterr().out
    assert alarm in shown
    assert rule in shown
    assert main(["show", "--study", str(study), entry.key, "--json"]) == 0
    assert any(alarm in note for note in json.loads(capsys.readouterr().out)["notes"])
