"""The processor cores that this process may use.

A process often may use fewer cores than the machine has: by its affinity (taskset, cpusets of
containers), by a quota of CPU time (containers), by the job's share of a cluster's node, or because
the user says so. Threads beyond that number would only wait for each other.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# What SLURM, PBS (Torque, Pro), Grid Engine and LSF tell a job; not all of them bind it to cores.
ALLOTTED_BY = (
    *("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE", "PBS_NUM_PPN", "NSLOTS", "LSB_DJOB_NUMPROC"),
    "OMP_NUM_THREADS",
)
PBS_JOB, OF_PBS = "PBS_JOBID", "NCPUS"  # a name that others use as well
LONGEST = 18  # digits
SYSTEM = Path("/")


@dataclass(frozen=True)
class Cores:
    """How many cores the process may use, at least 1, and what sets that number."""

    count: int
    source: str


def allotted_cores(environment: Mapping[str, str] = os.environ, system: Path = SYSTEM) -> Cores:
    """Return the smallest of the limits that hold for this process.

    Parameters
    ----------
    environment
        Read for ``ALLOTTED_BY``, and in a job of PBS for NCPUS; values that are no numbers are
        ignored.
    system
        The root folder below which the kernel's files about control groups lie.
    """
    found = [Cores(os.cpu_count() or 1, "machine")]
    if hasattr(os, "sched_getaffinity"):
        found.append(Cores(len(os.sched_getaffinity(0)), "affinity"))
    quota = _quota(system)
    if quota is not None:
        found.append(Cores(max(1, math.floor(quota)), "control group"))
    for name in (*ALLOTTED_BY, *([OF_PBS] if PBS_JOB in environment else [])):
        # OMP_NUM_THREADS may list a number per level of nesting; the first is that of the process.
        text = environment.get(name, "").partition(",")[0].strip()
        if text.isdecimal() and len(text) <= LONGEST and int(text) > 0:
            found.append(Cores(int(text), name))
    return min(found, key=lambda cores: cores.count)


def _quota(system: Path) -> float | None:
    """Return the CPU time per time that the process's control groups allow; None without a limit.

    Every group above the process's own limits it too. Inside a container the own group is usually
    mounted as the root, so that its path is not there.
    """
    limits = [
        limit
        for folder in groups(system, "cpu")
        for limit in (_quota_v2(folder), _quota_v1(folder))
        if limit is not None
    ]
    return min(limits, default=None)


def groups(system: Path, resource: str) -> list[Path]:
    """Return the folders of the process's control groups and of all groups above them.

    Parameters
    ----------
    system
        The root folder.
    resource
        What the groups limit: "cpu" or "memory". Groups of the first version have a tree for each;
        that of "cpu" may be one with that of "cpuacct".
    """
    root = system / "sys/fs/cgroup"
    found = [root, root / resource]
    if resource == "cpu":
        found.append(root / "cpu,cpuacct")
    for line in text_of(system / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and resource not in controllers.split(","):
            continue
        folder = root / controllers / path.strip("/")
        while folder not in (root, root / controllers) and root in folder.parents:
            found.append(folder)
            folder = folder.parent
    return found


def _quota_v2(folder: Path) -> float | None:
    quota, _, period = text_of(folder / "cpu.max").strip().partition(" ")
    return _ratio(quota, period)


def _quota_v1(folder: Path) -> float | None:
    quota, period = (text_of(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    return _ratio(quota, period)


def _ratio(quota: str, period: str) -> float | None:
    """Return quota / period; None where there is no limit, which reads "max" or "-1"."""
    if not (quota.isdecimal() and period.isdecimal()) or not int(period):
        return None
    return int(quota) / int(period)


def text_of(path: Path) -> str:
    """Return a file's text, or "" where the system has no such file."""
    try:
        return path.read_text()
    except OSError:
        return ""
