"""The lite trade-off preset at a small size, with a method of the user's: alone and divided."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.cli.templates import TEMPLATES
from engine.store.study import Study

# Three runs, each of one or two processes that load torch: minutes on a busy machine.
pytestmark = pytest.mark.timeout(1800)
ROOT = Path(__file__).resolve().parent.parent.parent
PRESET = (ROOT / "resources/presets/paper-tradeoff-cifar10-lite.toml").read_text()
SMALL = (
    (
        r'path = "cifar10"\nmax_train = \d+\nmax_test = \d+',
        'kind = "glyphs"\ntrain = 200\ntest = 50',
    ),
    (r'kind = "small_cnn"', 'kind = "small_cnn"\nwidth = 4\nhidden = 16'),
    (
        r"epochs = 8",
        "epochs = 4\nbatch_size = 20\nevaluation_images = 10\n"
        'optimizer = { kind = "adam", learning_rate = 5e-3 }',
    ),
    (r"steps = (7|10)", "steps = 2"),
    (r"test_images = 1000", "test_images = 10"),
    (r"repeats = 1", "repeats = 1\nfractions = [0.5]"),
    # One strength of each norm.
    (r'\n +\{ kind = "pgd", norm = "l2", eps = 0.[48][^\n]+', ""),
    (r'\n +\{ kind = "pgd", norm = "linf", eps = 0.0[12][^\n]+', ""),
    (r'\{ kind = "gradient_x_input" \}', '{ kind = "blurred_gradient" }'),
)


def plan_text():
    text = PRESET
    for pattern, new in SMALL:
        text, count = re.subn(pattern, new, text)
        assert count, pattern
    assert tomllib.loads(text)["run"] == tomllib.loads(PRESET)["run"]
    return text


def start(folder, *options):
    command = [sys.executable, "main.py", "run", folder / "plan.toml", "--study", folder / "s"]
    return subprocess.Popen(
        [*command, "--device", "cpu", "--jobs", "1", "--threads", "1", *options],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(process):
    out, error = process.communicate(timeout=900)
    assert process.returncode == 0, error
    assert "Traceback" not in error, error
    return out, error


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("methods") / "mine.py"
    path.write_text(TEMPLATES["attribution"])
    return path


@pytest.fixture(scope="module")
def single(tmp_path_factory, file):
    """A run by one process: its folder, and the table that it printed."""
    folder = tmp_path_factory.mktemp("single")
    (folder / "plan.toml").write_text(plan_text())
    return folder, ended(start(folder, "--plugin", str(file)))[0]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "plan.toml").write_text(plan_text())
    return tmp_path


def assert_same(folder, single):
    """Every record of the single run is there, with the same numbers."""
    study, alone = Study(folder / "s"), Study(single[0] / "s")
    assert len(study.entries) == len(alone.entries) > 40
    for entry in alone.entries:
        assert study.entry(entry.key).numbers == entry.numbers, entry.title
    assert not (folder / "s" / "shards").exists()


def test_that_two_shards_end_with_the_table_of_one_process(folder, single, file):
    shards = [start(folder, "--plugin", str(file), "--shard", f"{n}/2") for n in (1, 2)]
    ends = [ended(shard) for shard in shards]
    assert single[1] in [out for out, _ in ends], ends
    assert "Blurred gradient" in "".join(error for _, error in ends)
    assert_same(folder, single)


def test_that_two_workers_end_with_the_table_of_one_process(folder, single, file):
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    out, error = ended(start(folder, "--plugin", str(file), "--workers", "2"))
    assert out == single[1]
    assert "Blurred gradient" in error
    assert "was lost" not in error
    assert_same(folder, single)


def test_that_a_run_without_the_file_is_refused_and_computes_nothing(folder, capsys):
    for divided in (["--shard", "1/2"], ["--workers", "2"]):
        if divided[0] == "--workers":
            pytest.importorskip("distributed", reason="the extra cluster is not installed")
        run = ["run", str(folder / "plan.toml"), "--study", str(folder / "s"), *divided]
        assert main(run) == 2
        said = capsys.readouterr().err
        assert "blurred_gradient" in said
        assert said.count("\n") == 1
    assert not (folder / "s").exists()
