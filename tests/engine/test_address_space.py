"""In an address space that is too small for the libraries, one sentence and no hang."""

import os
import subprocess
import sys

import pytest

from engine.address_space import too_small
from engine.program import FAILED, ROOT
from tests.golden.make import HERE


@pytest.mark.parametrize(
    ("megabytes", "threads", "refused"),
    [(499, "1", True), (500, "1", False), (500, "2", True), (600, "2", False), (500, "x", None)],
)
def test_that_more_threads_need_more_room(monkeypatch, megabytes, threads, refused):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        said = too_small(megabytes << 20, {name: threads})
        assert bool(said) == (refused is not False)
        assert (f"{megabytes} MB (ulimit -v)" in said) == bool(said)
    if refused is None:
        assert "at least 1200 MB" in said, "all cores"


def test_that_no_limit_is_no_limit():
    assert too_small(sys.maxsize) == ""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit of the memory")
@pytest.mark.parametrize("megabytes", [60, 120, 200, 293, 400])
@pytest.mark.parametrize("words", [["show"], ["export", "curves", "--out", "{out}.pdf"]])
def test_that_one_line_stands_where_the_libraries_have_no_room(tmp_path, megabytes, words):
    import resource

    limit = megabytes << 20
    done = subprocess.run(
        [
            sys.executable,
            "main.py",
            *(word.format(out=tmp_path / "a") for word in words),
            "--study",
            str(HERE / "v0.1.isthmus"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == FAILED
    assert done.stderr.startswith("isthmus: ")
    assert done.stderr.count("\n") == 1
    assert not done.stdout
