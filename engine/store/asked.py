"""What a process was asked to compute in a study: a file that outlives a crash.

``asked/<machine>-<process>-<n>.jsonl`` has a line for each queued spec, and a line for each that
the user discarded. The process that writes a file keeps it locked. The system releases the lock
when the process ends, however it ends, so a file without a lock lists what nobody computes now.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import platform
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.specs.schema import Spec
from engine.store.atomic import new_file
from engine.store.files import read_text
from engine.store.locks import lock

FOLDER = "asked"
PATIENCE = 0.1  # seconds
CAP = 1 << 30  # bytes of one file; 10,000 specs take 20 MB
LISTED = re.compile(r'\{"key": "([0-9a-f]+)", "spec": \{.*\}\}')
_COUNT = itertools.count()


def line_of(spec: Spec) -> str:
    """Return the line of a spec; fields at their defaults, which never change, are left out."""
    return f'{{"key": "{spec.key}", "spec": {spec.canonical}}}'


class Asked:
    """The list of what this process was asked for in one study.

    The file is made by the first line. Where it cannot be written (a read-only folder), nothing is
    listed: computing goes on, and storing the first record says what is wrong with the folder. A
    thread of its own writes, because the drive may not answer: nobody waits longer than
    ``PATIENCE`` for it.
    """

    def __init__(self, study: Path):
        machine = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
        self.path = study / FOLDER / f"{machine}-{os.getpid()}-{next(_COUNT)}.jsonl"
        self._descriptor: int | None = None
        self._steps: deque[Callable[[], None]] = deque()
        self._working = self._silent = False
        self._changed = threading.Condition()

    def add(self, lines: Iterable[str]) -> None:
        """Append lines of :func:`line_of`."""
        text = "".join(f"{line}\n" for line in lines)
        if text:
            self._do(lambda: self._write(text.encode()))

    def discard(self, keys: Iterable[str]) -> None:
        """Note that these are no longer wanted."""
        text = "".join(json.dumps({"discarded": key}) + "\n" for key in keys)

        def note() -> None:
            if self._descriptor is not None:
                self._write(text.encode())

        self._do(note)

    def close(self) -> None:
        """Release the file; what it lists and the study lacks is unfinished from now on."""
        self._do(self._close)

    def settle(self, timeout: float = 0.0) -> bool:
        """Wait until all is written, for some seconds; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._working, timeout)

    def _do(self, step: Callable[[], None]) -> None:
        with self._changed:
            self._steps.append(step)
            if not self._working:
                self._working = True
                threading.Thread(target=self._serve, name="isthmus-asked", daemon=True).start()
            waited = 0.0 if self._silent else PATIENCE
            # A drive that once kept somebody waiting does so only once.
            self._silent = not self._changed.wait_for(lambda: not self._working, waited)

    def _serve(self) -> None:
        """Take one step after the other, until none is left."""
        while True:
            with self._changed:
                if not self._steps:
                    self._working = self._silent = False
                    self._changed.notify_all()
                    return
                step = self._steps.popleft()
            with suppress(OSError):
                step()

    def _write(self, data: bytes) -> None:
        if self._descriptor is None:
            self.path.parent.mkdir(exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(self.path, flags, 0o644)
            lock(self._descriptor)
        while data:
            data = data[os.write(self._descriptor, data) :]

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def files(study: Path) -> list[Path]:
    """Return the lists of all processes, oldest first."""
    found = []
    for path in (study / FOLDER).glob("*.jsonl"):
        with suppress(OSError):  # another process removed it
            found.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(found)]


def lines_in(path: Path) -> dict[str, str]:
    """Return the lines of the specs that a list holds, by key, in order; see :func:`spec_in`.

    The specs themselves are not read: there may be thousands, and most are known or not needed.
    Lines that are no JSON, such as a last line that a crash cut off, are left out.
    """
    found: dict[str, str] = {}
    try:
        text = read_text(path, CAP)
    except (OSError, ValueError):
        return found
    for line in text.splitlines():
        listed = LISTED.fullmatch(line)
        if listed is not None:
            found.setdefault(listed[1], line)  # one asked for again: a last line may be cut off
            continue
        data = _read(line)
        if data is None:
            continue
        found.pop(str(data.get("discarded")), None)
        if isinstance(data.get("spec"), dict):
            found[str(data.get("key"))] = line
    return found


def spec_in(line: str) -> dict[str, Any] | None:
    """Return the JSON form of the spec in a line of a list; None if it has none."""
    data = _read(line)
    spec = None if data is None else data.get("spec")
    return spec if isinstance(spec, dict) else None


def specs_in(path: Path) -> dict[str, dict[str, Any]]:
    """Return the JSON forms of the specs that a list holds, by key, in order."""
    found = {key: spec_in(line) for key, line in lines_in(path).items()}
    return {key: spec for key, spec in found.items() if spec is not None}


def _read(line: str) -> dict[str, Any] | None:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def keep_only(path: Path, keys: set[str]) -> None:
    """Reduce a list that nobody writes to these keys; remove it if none is left.

    Raises
    ------
    OSError
        If it cannot be changed.
    """
    with _held(path) as free:
        if not free:
            return
        kept = {key: spec for key, spec in specs_in(path).items() if key in keys}
        if kept:
            with new_file(path) as temporary:
                lines = (json.dumps({"key": key, "spec": spec}) for key, spec in kept.items())
                temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        elif os.name != "nt":
            path.unlink(missing_ok=True)
    if not kept and os.name == "nt":  # an open file cannot be removed there
        path.unlink(missing_ok=True)


def is_written(path: Path) -> bool:
    """Whether a process that is alive writes this list."""
    with _held(path) as free:
        return not free


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Lock a list for a moment; yield False if another process has it."""
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    except OSError:  # a folder that cannot be written, or gone: nobody writes it from here
        yield True
        return
    try:
        # A network drive without locks: what is listed there is shown as unfinished.
        yield lock(descriptor) is not False
    finally:
        os.close(descriptor)
