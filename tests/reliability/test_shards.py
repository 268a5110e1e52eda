"""Two processes that compute one plan in one study by --shard, one of which is killed."""

import os
import platform
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.plan.planfile import read_plan
from engine.plan.sharing.bundles import divided, everything
from engine.specs import Training
from engine.store import index
from engine.store.study import Study
from tests.reliability.forked import PLAN

ROOT = Path(__file__).resolve().parent.parent.parent
# Scores of both networks: that of the robust one needs the standard one as its baseline.
BOTH = PLAN.replace('classifier = "@standard"', 'classifier = { each = ["@standard", "@robust"] }')
FINISHED = re.compile(r"^\[\d+/\d+\] (.*) \(\d+ \w+\)$", re.MULTILINE)


def start(folder, shard, *more):
    """Start a shard, or without one a run that computes all."""
    command = [sys.executable, "main.py", "run", folder / "plan.toml", "--study", folder / "s"]
    return subprocess.Popen(
        [
            *command,
            "--device",
            "cpu",
            "--jobs",
            "1",
            "--threads",
            "1",
            *(["--shard", shard] if shard else []),
            *more,
        ],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_until(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def specs_of(folder):
    """The plan's computations, and a training that the shard which does not compute it needs."""
    plan = everything(read_plan(folder / "plan.toml").specs)
    owners, specs = divided(plan, 2), [one.spec for one in plan]
    for spec in specs:
        needing = {owners[other.key] for other in specs if spec in other.requires()}
        if isinstance(spec, Training) and 3 - owners[spec.key] in needing:
            return specs, spec, owners[spec.key]
    raise AssertionError("each shard has all that it needs")


def claim_of(folder, key, process):
    """Whether a process computes this now."""
    try:
        said = (folder / "s" / "shards" / f"{key}.0").read_text()
    except FileNotFoundError:
        return False
    return f"-{process.pid}-" in said and '"working"' in said


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """A run by one process: its folder, and the table that it printed."""
    folder = tmp_path_factory.mktemp("single")
    (folder / "plan.toml").write_text(BOTH)
    command = [sys.executable, "main.py", "run", folder / "plan.toml", "--study", folder / "s"]
    ran = subprocess.run(
        [*command, "--device", "cpu", "--jobs", "1", "--threads", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return folder, ran.stdout


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "plan.toml").write_text(BOTH)
    return tmp_path


def test_that_a_killed_shard_is_started_again_and_nothing_is_lost_or_computed_twice(folder, single):
    specs, needed, mine = specs_of(folder)
    other = 3 - mine
    first, second = start(folder, f"{other}/2"), start(folder, f"{mine}/2")
    wait_until(lambda: claim_of(folder, needed.key, second), second)
    second.kill()
    said = second.communicate()[1]
    again = start(folder, f"{mine}/2")
    ends = [process.communicate(timeout=300) for process in (first, again)]
    assert [first.returncode, again.returncode] == [0, 0], ends
    assert single[1] in [out for out, _ in ends]
    finished = FINISHED.findall("\n".join([said, *(error for _, error in ends)]))
    assert len(finished) == len(set(finished)) == len(specs)
    assert f"(process {second.pid} on {platform.node()}) died while it computed" in ends[1][1]
    assert main(["check", "--study", str(folder / "s")]) == 0
    assert not (folder / "s" / "shards").exists()
    assert not list((folder / "s").rglob(".*tmp-*"))
    for entry in Study(single[0] / "s").entries:
        assert Study(folder / "s").entry(entry.key).numbers == entry.numbers


def test_that_the_work_of_a_killed_shard_is_taken_over_after_the_stated_time(folder, single):
    _, needed, mine = specs_of(folder)
    other = 3 - mine
    first, second = start(folder, f"{other}/2", "--take-over", "0.05"), start(folder, f"{mine}/2")
    wait_until(lambda: claim_of(folder, needed.key, second), second)
    second.kill()
    second.communicate()
    _, error = first.communicate(timeout=300)
    assert first.returncode == 0, error
    assert re.search(rf"shard {mine}/2 \(process {second.pid} on \S+\) died", error), error
    assert needed.title in FINISHED.findall(error)
    rest = start(folder, f"{mine}/2")
    assert rest.communicate(timeout=300)[0] == single[1]
    assert main(["check", "--study", str(folder / "s")]) == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows stops no process")
@pytest.mark.parametrize("first", ["a shard", "a run"])
def test_that_a_run_beside_another_process_computes_nothing_twice(folder, single, first):
    specs, needed, owner = specs_of(folder)
    shard = start(folder, f"{owner}/2" if first == "a shard" else "")
    wait_until(lambda: claim_of(folder, needed.key, shard), shard)
    os.kill(shard.pid, signal.SIGSTOP)  # while the other one starts
    alone = start(folder, "")
    said = alone.stderr.readline()
    os.kill(shard.pid, signal.SIGCONT)
    who = f"shard {owner}/2" if first == "a shard" else "a run"
    assert said.startswith(f"{who} (process {shard.pid} on ")
    assert "computes in this study: what is begun there is not begun here" in said
    ends = [process.communicate(timeout=300) for process in (shard, alone)]
    assert [shard.returncode, alone.returncode] == [0, 0], ends
    assert ends[1][0] == single[1]
    finished = [title for _, lines in ends for title in FINISHED.findall(lines)]
    assert len(finished) == len(set(finished)) == len(specs)
    assert not (folder / "s" / "shards").exists()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="gives each task one core")
def test_that_the_array_script_of_the_page_computes_the_plan(folder, single):
    """As SLURM runs it: with the numbers of the task and of the array, and on one core."""
    page = (ROOT / "docs" / "cluster.md").read_text()
    script = page.partition("```bash\n")[2].partition("```")[0]
    assert script.startswith("#!/bin/bash\n#SBATCH ")
    (core, *_) = os.sched_getaffinity(0)
    told = {"ISTHMUS": str(ROOT), "PYTHON": sys.executable, "PLAN": str(folder / "plan.toml"),
            "STUDY": str(folder / "s"), "SLURM_ARRAY_TASK_COUNT": "2"}  # fmt: skip
    tasks = [
        subprocess.Popen(
            ["bash", "-c", script],
            env=os.environ | told | {"SLURM_ARRAY_TASK_ID": task},
            cwd=folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, [core]),
        )
        for task in ("1", "2")
    ]
    ends = [task.communicate(timeout=300) for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], ends
    assert single[1] in [out for out, _ in ends]


def test_that_a_wrong_shard_is_refused_in_one_line(folder, capsys):
    run = ["run", str(folder / "plan.toml"), "--study", str(folder / "s")]
    for shard in ("3/2", "0/2", "2"):
        assert main([*run, "--shard", shard]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"isthmus: --shard is '{shard}', must be"), said
        assert said.count("\n") == 1
    assert main([*run, "--take-over", "3"]) == 2
    assert main([*run, "--shard", "1/2", "--take-over", "nan"]) == 2
    assert not (folder / "s").exists()


WRITER = """
import sys
from pathlib import Path
from engine.specs import Glyphs
from engine.plan.planfile import read_plan
from engine.plan.sharing.bundles import divided, everything
from engine.specs import Training
from engine.store import index
from engine.store.study import Result, Study
number = int(sys.argv[2])
study = Study(Path(sys.argv[1]))
for seed in range(40):
    spec = Glyphs(train=40, test=20, seed=100 * number + seed)
    study.write(spec, Result({"loss": 0.5}), seconds=1.0, provenance={})
    if seed % 10 == number:
        index.rewrite(study.path / "index.jsonl", study.entries)
"""


def test_that_the_index_bears_many_writers(tmp_path):
    study = Study(tmp_path / "s", create=True)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, study.path, str(number)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for number in range(4)
    ]
    assert [writer.wait(120) for writer in writers] == [0] * 4
    assert len(Study(study.path).entries) == 160  # and corrects the index
    found, stale = index.load(study.path / "index.jsonl", study.path / "records", None)
    assert (len(found), stale) == (160, 0)
