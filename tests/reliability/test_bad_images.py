import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from engine.data.safety.names import shown_paths
from tests.reliability import bad_images
from tests.reliability.bad_images import LOADED, REFUSED, make

ROOT = Path(__file__).resolve().parent.parent.parent

# In a child with 1 GB more than it has after its imports, as a user whom permissions bind.
READ = """
import json, os, resource, sys
from pathlib import Path
import torch
from engine.data.images import ingest
torch.set_num_threads(1)
if os.geteuid() == 0:
    os.setuid(65534)
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 30),) * 2)
_, found = ingest(sys.argv[1], image_size=8, channels="rgb")
loaded = {}
for part in ("train", "test"):
    means = getattr(found, part + "_images").mean((2, 3)).tolist()
    loaded.update(zip(getattr(found, part + "_files"), means))
skipped = {item.path: item.reason for item in found.skipped}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
json.dump({"loaded": loaded, "skipped": skipped, "peak": peak}, sys.stdout)
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    if not Path("/proc/self/statm").exists():
        pytest.skip("needs Linux to limit memory")
    root = tmp_path_factory.mktemp("wild")
    expected = make(root)
    for path in (root, *root.parents):  # pytest closes its folders to other users
        if path == Path(tempfile.gettempdir()):
            break
        path.chmod(0o755)
    command = [sys.executable, "-c", READ, str(root)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    (root / "c" / "closed").chmod(0o700)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return expected, json.loads(ran.stdout)


def test_that_the_corpus_has_at_least_sixty_kinds():
    assert len(LOADED) + len(REFUSED) + len(bad_images.SILENT) >= 60


def test_that_every_file_is_loaded_or_listed_and_nothing_else_is(outcome):
    expected, found = outcome
    names = set(shown_paths(expected).values())
    assert not set(found["loaded"]) & set(found["skipped"])
    assert set(found["loaded"]) | set(found["skipped"]) == names


def test_that_what_is_loaded_has_its_colour(outcome):
    expected, found = outcome
    wrong = {}
    shown = shown_paths(expected)
    for name, colour in expected.items():
        if isinstance(colour, str):
            continue
        mean = found["loaded"].get(shown[name])
        if mean is None or max(abs(a - b) for a, b in zip(mean, colour, strict=True)) > 6:
            wrong[name] = (mean, found["skipped"].get(shown[name]))
    assert wrong == {}


def test_that_what_is_refused_has_its_reason(outcome):
    expected, found = outcome
    reasons = {name: reason for name, reason in expected.items() if isinstance(reason, str)}
    wrong = {
        name: found["skipped"].get(name, "loaded")
        for name, reason in reasons.items()
        if reason not in found["skipped"].get(name, "loaded")
        or not 3 < len(found["skipped"].get(name, "")) < 80
    }
    assert wrong == {}
