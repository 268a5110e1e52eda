"""Which processes work on a study together, and which of them are alive.

``shards/<machine>-<process>-<n>.json`` says who a process is. The process keeps the file locked and
counts up a number in it, its beat. On the machine where it runs, the lock tells at once whether it
lives. From elsewhere, a process whose beat did not change for LEASE seconds counts as dead. These
seconds are measured by the clock of the process that looks, so clocks need not agree.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Literal

from engine.store.files import read_text
from engine.store.locks import lock
from engine.store.study import StudyError

FOLDER = "shards"
BEAT = 15.0  # seconds
# A network drive may show the attributes of a file up to 60 s late (acregmax, acdirmax of NFS).
LEASE = 180.0  # seconds
MOST_FILES = 300  # letters of the names of files
LENGTH = 4096  # bytes of a file, so that writing it anew replaces all of it at once
LOOKED_AT = 0.01  # seconds
_COUNT = itertools.count()

State = Literal["alive", "ended", "dead"]


@dataclass(frozen=True)
class Member:
    """A process that works on a study with others.

    Attributes
    ----------
    name
        Unique: machine, process and a count.
    shard, shards
        Its share of a plan, from 1, and of how many; 0 of 0 for a worker of a scheduler.
    plan
        Hash of the plan.
    machine
        Hash of the machine's name and of when it was started.
    host, process
        For people: the machine's name, and the number of the process there.
    beat
        Rises while it lives.
    ended
        Whether it said that it ends.
    files
        Names and beginnings of the SHA-256 of the user's files that it was given.
    libraries
        The versions that decide its numbers; "" for a process of a version that does not say so.
    """

    name: str
    shard: int
    shards: int
    plan: str
    machine: str
    host: str
    process: int
    beat: int = 0
    ended: bool = False
    files: str = ""
    libraries: str = ""

    @property
    def title(self) -> str:
        """What it is called in sentences."""
        names = {0: "a worker", 1: "a run"}
        who = names.get(self.shards, f"shard {self.shard}/{self.shards}")
        return f"{who} (process {self.process} on {self.host})"


def this_machine() -> str:
    """Return a name of this machine since it was started; containers on it have the same."""
    started = ""
    with suppress(OSError):
        started = Path("/proc/sys/kernel/random/boot_id").read_text()
    found = started or platform.node()
    return hashlib.sha256(found.encode()).hexdigest()[:8]


class Presence:
    """Says that this process takes part, and finds out who else does.

    Parameters
    ----------
    study
        Folder of the study.
    shard, shards, plan, files, libraries
        See :class:`Member`.
    clock
        Seconds.

    Raises
    ------
    StudyError
        If the folder cannot be written: then nobody could know of this process.
    """

    def __init__(
        self,
        study: Path,
        shard: int = 0,
        shards: int = 0,
        plan: str = "",
        clock: Callable[[], float] = time.monotonic,
        *,
        files: str = "",
        libraries: str = "",
    ):
        self.folder = study / FOLDER
        machine, process = this_machine(), os.getpid()
        name = f"{machine}-{process}-{next(_COUNT)}"
        host = platform.node()[:100]
        self.me = Member(
            name,
            shard,
            shards,
            plan,
            machine,
            host,
            process,
            files=files[:MOST_FILES],
            libraries=libraries[:MOST_FILES],
        )
        self._clock = clock
        self._last = clock()
        self._seen: dict[str, tuple[int, float]] = {}  # beat, and when it was first seen
        self._descriptor = self._begin()

    def beat(self) -> None:
        """Say that this process lives, if it is time to."""
        if self._descriptor is not None and self._clock() - self._last >= BEAT:
            self._last = self._clock()
            self.me = replace(self.me, beat=self.me.beat + 1)
            self._write()

    def end(self) -> None:
        """Say that this process ends, and release its file."""
        if self._descriptor is None:
            return
        self.me = replace(self.me, ended=True)
        self._write()
        os.close(self._descriptor)
        self._descriptor = None

    def others(self) -> dict[str, tuple[Member, State]]:
        """Return the other processes by name, those that ended and are not forgotten included."""
        found = {}
        for path in sorted(self._files()):
            if path.stem != self.me.name:
                member = _read(path)
                if member is not None:
                    found[member.name] = member, self.state_of(member, path)
        return found

    def state_of(self, member: Member, path: Path) -> State:
        """Return whether a process lives."""
        if member.ended:
            return "ended"
        if member.machine == self.me.machine and (free := _is_free(path)) is not None:
            return "dead" if free else "alive"
        return "dead" if self.is_overdue(member.name, member.beat) else "alive"

    def is_overdue(self, name: str, beat: int) -> bool:
        """Whether what bears this name has shown the same beat for LEASE seconds."""
        before, since = self._seen.get(name, (-1, 0.0))
        if before != beat:
            self._seen[name] = beat, self._clock()
            return False
        return self._clock() - since > LEASE

    def forget(self, name: str) -> None:
        """Remove the file of a process that is not alive."""
        with suppress(OSError):
            (self.folder / f"{name}.json").unlink()

    def _files(self) -> Iterator[Path]:
        # Listing a folder anew shows what a network drive would not yet show under a known path.
        with suppress(OSError):
            for item in os.scandir(self.folder):
                if item.name.endswith(".json"):
                    yield Path(item.path)

    def _begin(self) -> int | None:
        try:
            if self.folder.is_symlink():
                raise OSError("it is a link")
            self.folder.mkdir(exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            path = self.folder / f"{self.me.name}.json"
            path.unlink(missing_ok=True)  # of a process that had the same number
            self._descriptor = os.open(path, flags, 0o644)
            # A process that looks whether it is locked holds the lock for a moment.
            while lock(self._descriptor) is False:
                time.sleep(LOOKED_AT)
            self._write(strict=True)
        except OSError as error:
            reason = error.strerror or error
            raise StudyError(f"{self.folder} cannot be written: {reason}") from error
        return self._descriptor

    def _write(self, *, strict: bool = False) -> None:
        data = json.dumps(asdict(self.me)).encode().ljust(LENGTH)
        assert self._descriptor is not None
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, data)
        except OSError:  # a full disk: others may take this process for dead; no result is lost
            if strict:
                raise


def at_work(study: Path) -> list[Member]:
    """Return the processes that work on a study with others now; the folder is of the study."""
    if not (study / FOLDER).is_dir():
        return []
    try:
        looking = Presence(study)
    except StudyError:  # who cannot write there computes nothing there
        return []
    try:
        return [member for member, state in looking.others().values() if state == "alive"]
    finally:
        looking.end()
        looking.forget(looking.me.name)
        with suppress(OSError):
            looking.folder.rmdir()  # fails where others are


def _is_free(path: Path) -> bool | None:
    """Whether no process has this file locked; None if that cannot be told."""
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    except OSError:
        return None
    try:
        return lock(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> Member | None:
    """Return what a file says; None if it is no file of a member, or being written."""
    try:
        data = json.loads(read_text(path, 4 * LENGTH))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or not set(data) >= _NEEDED or data.get("name") != path.stem:
        return None
    # Another version may say less, or more.
    found = {name: data[name] for name in _KINDS if name in data}
    if any(type(value).__name__ != _KINDS[name] for name, value in found.items()):
        return None
    return Member(**found)


_KINDS = {item.name: str(item.type) for item in fields(Member)}
_NEEDED = {item.name for item in fields(Member) if item.default is MISSING}
