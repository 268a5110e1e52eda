"""Two windows and a command that delete, put back and train in one study at the same time."""

import os
import subprocess
import sys
from pathlib import Path

from engine.cli.main import main
from engine.program import OK
from engine.store import trash
from engine.store.study import Study
from tests import made_up_study as made_up
from tests.reliability.forked import PLAN
from tests.reliability.made_up_runs import NO_WINDOWS

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = NO_WINDOWS
SECONDS = 15
WINDOW = """
import os, random, sys, time
from pathlib import Path
from engine import specs
from tests.benchmarks.window import opened
from tests.reliability.soak import let_run
chance = random.Random(int(sys.argv[2]))
_, window = opened(Path(sys.argv[1]))
workspace, edits = window.workspace, window.workspace.edits
workspace.queueing.confirm = None
said = []
workspace.message.connect(lambda text, error: said.append(text))
images = specs.Glyphs(train=100, test=50)
until = time.monotonic() + float(sys.argv[3])
deleted = restored = trained = 0
while time.monotonic() < until:
    act = chance.randrange(4)
    keys = [entry.key for entry in workspace.entries()]
    if act == 0 and keys:
        deleted += edits.delete([chance.choice(keys)])
    elif act == 1 and edits.stack.canUndo():
        edits.stack.undo()
        restored += 1
    elif act == 2 and not workspace.runner.busy:
        seed = chance.randrange(50)
        network = specs.SmallCNN(width=2, hidden=4)
        workspace.run([specs.Training(images=images, network=network, epochs=1, seed=seed)])
        trained += 1
    let_run(chance.randrange(10, 300))
while workspace.runner.busy or edits.busy:
    let_run(20)
assert all("\\n" not in text for text in said), said
window.stop()
assert window.stopped
print(deleted, restored, trained, flush=True)
os._exit(0)
"""


def start(*arguments, home: Path) -> subprocess.Popen:
    """Start Python without a screen, with settings of its own."""
    environ = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "ISTHMUS_CONFIG": str(home),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_that_two_windows_and_a_run_in_one_study_lose_nothing(tmp_path):
    study = Study(tmp_path / "s.isthmus", create=True)
    made_up.add_images(study)
    for eps in (0.02, 0.04, 0.06):
        made_up.add_network(study, made_up.network("linf", eps))
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    before = {path.name: path.read_bytes() for path in study.path.glob("records/*/*.h5")}
    windows = [
        start("-c", WINDOW, study.path, seed, SECONDS, home=tmp_path / f"config{seed}")
        for seed in (1, 2)
    ]
    run = start("main.py", "run", plan, "--study", study.path, "--device", "cpu", home=tmp_path)
    _, errors = run.communicate(timeout=300)
    assert run.returncode in (OK, 1), errors  # what it needs may just have been deleted
    assert "Traceback" not in errors, errors
    done = [0, 0, 0]
    for window in windows:
        words, errors = window.communicate(timeout=300)
        assert window.returncode == 0, errors
        assert "Traceback" not in errors, errors
        done = [a + int(b) for a, b in zip(done, words.split()[-3:], strict=True)]
    assert all(done), done  # each window did its part of each kind, or the test shows nothing
    again = Study(study.path)
    kept = {path.name: path.read_bytes() for path in study.path.glob("records/*/*.h5")}
    kept |= {path.name: path.read_bytes() for path in trash.content(again)}
    assert {name: kept.get(name) for name in before} == before
    assert list(again.check()) == []
    assert not list(study.path.rglob(".*tmp-*"))
    assert main(["run", str(plan), "--study", str(study.path), "--device", "cpu"]) == OK
