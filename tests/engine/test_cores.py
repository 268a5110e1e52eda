"""Threads follow what the process may use, not what the machine has."""

import os
import subprocess
import sys

import pytest

from engine.cores import Cores, allotted_cores
from engine.plan import slots as slots_module
from engine.plan.slots import provenance, slots_on
from engine.specs import Glyphs


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A machine of 64 cores, all of which the process may use, and its kernel's files."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)

    def write(**files):
        for path, text in files.items():
            file = tmp_path / path.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    (tmp_path / "proc/self").mkdir(parents=True)
    return write


def group(system, path, **files):
    folder = system() / "sys/fs/cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_that_all_cores_are_used_without_a_limit(system):
    assert allotted_cores({}, system()).count == 64
    (system() / "proc/self/cgroup").write_text("0::/\n")
    group(system, "", cpu__max="max 100000\n")
    assert allotted_cores({"OMP_NUM_THREADS": "many"}, system()).count == 64


def test_that_affinity_limits(system, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    assert allotted_cores({}, system()) == Cores(3, "affinity")


@pytest.mark.parametrize(
    ("quota", "count"), [("150000 100000", 1), ("400000 100000", 4), ("20000 100000", 1)]
)
def test_that_the_quota_of_a_container_limits(system, quota, count):
    group(system, "", cpu__max=quota)
    assert allotted_cores({}, system()) == Cores(count, "control group")


def test_that_a_group_above_the_own_one_limits(system):
    (system() / "proc/self/cgroup").write_text("0::/user.slice/job\n")
    group(system, "user.slice/job", cpu__max="max 100000")
    group(system, "user.slice", cpu__max="300000 100000")
    assert allotted_cores({}, system()).count == 3


def test_that_control_groups_of_the_first_version_limit(system):
    (system() / "proc/self/cgroup").write_text("4:memory:/other\n3:cpu,cpuacct:/docker/a\n")
    files = {"cpu__cfs_quota_us": "-1", "cpu__cfs_period_us": "100000"}
    group(system, "cpu,cpuacct", **files)
    assert allotted_cores({}, system()).count == 64
    group(system, "cpu,cpuacct/docker/a", **{**files, "cpu__cfs_quota_us": "200000"})
    assert allotted_cores({}, system()).count == 2


@pytest.mark.parametrize(
    "name", ["SLURM_CPUS_ON_NODE", "PBS_NUM_PPN", "NSLOTS", "LSB_DJOB_NUMPROC", "NCPUS"]
)
@pytest.mark.parametrize("text", ["1", "0", "-2", "x", "2(x3),1", "9" * 5000, "\u00b2"])
def test_that_what_a_scheduler_of_jobs_tells_limits_and_nonsense_does_not(system, name, text):
    given = {name: text, "PBS_JOBID": "7.node"}
    free = allotted_cores({}, system())
    expected = Cores(1, name) if text == "1" else free
    if text.startswith("2("):  # of several nodes; the first number is not followed
        expected = free
    assert allotted_cores(given, system()) == expected
    if name == "NCPUS":
        assert allotted_cores({name: "1"}, system()) == free


def test_that_the_smallest_number_holds_and_is_named(system):
    group(system, "", cpu__max="800000 100000")
    both = {"SLURM_CPUS_PER_TASK": "16", "OMP_NUM_THREADS": "6,2"}
    assert allotted_cores({"SLURM_CPUS_PER_TASK": "16"}, system()) == Cores(8, "control group")
    assert allotted_cores(both, system()) == Cores(6, "OMP_NUM_THREADS")


@pytest.mark.parametrize(
    ("cores", "slots", "threads"), [(1, 1, 1), (2, 2, 1), (6, 4, 1), (16, 4, 4)]
)
def test_that_slots_share_the_allotted_cores_and_records_say_so(monkeypatch, cores, slots, threads):
    monkeypatch.setattr(slots_module, "allotted_cores", lambda: Cores(cores, "affinity"))
    found = slots_on("cpu")
    assert (found.count, found.threads) == (slots, threads)
    facts = provenance(found, Glyphs())
    assert (facts["threads"], facts["cores"], facts["cores_set_by"]) == (threads, cores, "affinity")
    assert facts["cpu"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_that_a_bound_process_computes_on_its_own_core():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from engine.plan.scheduler import slots_on; print(slots_on('cpu').count)"
    )
    plain = {name: text for name, text in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=plain, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1"
