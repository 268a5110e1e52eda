"""Who computes what, where several processes work on a study: no result is computed twice.

A process that begins a computation makes the file ``shards/<key>.<n>``, which only one process can
make. It says who computes, and afterwards how that ended. If that process died, another one makes
the file with the next n: the highest n counts. Claims are removed when they are of no use any more.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from engine.store.files import read_text
from engine.store.presence import Member, Presence, State

# A record may be seen on a network drive up to 60 s after it was written. So long, a claim goes on
# saying that there is one.
KEPT = 120.0  # seconds
CAP = 1 << 16  # bytes
MESSAGE = 1000  # characters
_NAME = re.compile(r"([0-9a-f]{20})\.([0-9]{1,3})")

Progress = Literal["working", "done", "failed"]


@dataclass(frozen=True)
class Claim:
    """What a process says of a computation.

    Attributes
    ----------
    by
        Name of the process; see :class:`~engine.store.presence.Member`. Empty while the file is
        being written.
    state
        "working", "done" (there is a record) or "failed".
    message
        Why it failed.
    """

    by: str
    state: Progress = "working"
    message: str = ""


class Claims:
    """The claims on the computations of a study.

    Parameters
    ----------
    presence
        Of this process.
    clock
        Seconds.

    Attributes
    ----------
    others
        The other processes that :meth:`look` found, by name.
    """

    def __init__(self, presence: Presence, clock: Callable[[], float] = time.monotonic):
        self.folder = presence.folder
        self._presence = presence
        self._clock = clock
        self._own: dict[str, int] = {}
        self._ended: dict[str, float] = {}  # own ones that ended, and when
        self._found: dict[str, tuple[int, Claim]] = {}
        self.others: dict[str, tuple[Member, State]] = {}

    def look(self) -> None:
        """Read all claims, and who is alive."""
        self.others = self._presence.others()
        self._found = {
            key: (number, self._seen(key, number)) for key, number in self._numbers().items()
        }
        for key in [key for key, ended in self._ended.items() if self._clock() - ended > KEPT]:
            self._remove(key, self._own.pop(key))
            del self._ended[key]

    def on(self, key: str) -> Claim | None:
        """Return what :meth:`look` found for a key, or None."""
        found = self._found.get(key)
        return None if found is None else found[1]

    def is_mine(self, key: str) -> bool:
        """Whether this process has the last claim on a key, as far as :meth:`look` saw."""
        found = self._found.get(key)
        return key in self._own and (found is None or found[0] <= self._own[key])

    def is_held(self, key: str) -> bool:
        """Whether another process that lives computes this, as far as :meth:`look` saw."""
        claim = self.on(key)
        if claim is None or key in self._own or claim.state != "working":
            return False
        if not claim.by:
            return not self._presence.is_overdue(f"{key}/{self._found[key][0]}", 0)
        return self.others[claim.by][1] == "alive" if claim.by in self.others else False

    def member(self, name: str) -> Member | None:
        """Return the process of this name, as far as :meth:`look` saw it."""
        return self.others[name][0] if name in self.others else None

    def deaths(self, key: str) -> int:
        """Return how many processes died while they computed this, as far as they are known."""
        found = self._found.get(key)
        if found is None or found[1].state != "working" or self.is_held(key):
            return 0
        return found[0] + 1

    def take(self, key: str) -> bool:
        """Claim a computation that no living process computes; False if another one has it.

        Whoever gets a claim looks next whether the record is there: it may have been written since
        the last look. On a full disk there is no claim, and whether there can be a record is found
        out by computing it.
        """
        before = self._found.get(key)
        number = 0 if before is None else before[0] + 1
        path = self._path(key, number)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            descriptor = os.open(path, flags, 0o644)
            with open(descriptor, "wb") as file:
                file.write(_line(Claim(self._presence.me.name)))
        except FileExistsError:
            return False
        except OSError:
            with suppress(OSError):  # else it would be somebody's who is still writing it
                path.unlink(missing_ok=True)
            return True
        # Two processes may judge by looks of different age. Of two claims the higher one holds, if
        # what it was made on top of is still what it was.
        last = self._numbers(key).get(key, number)
        changed = before is not None and self._read(key, before[0]).by not in ("", before[1].by)
        if last > number or changed:
            path.unlink(missing_ok=True)
            return False
        self._own[key] = number
        return True

    def end(self, key: str, state: Progress, message: str = "") -> None:
        """Say how an own computation ended."""
        if key not in self._own:
            return
        claim = Claim(self._presence.me.name, state, message[:MESSAGE])
        path = self._path(key, self._own[key])
        fresh = path.with_name(f"{path.name}.{self._presence.me.name}")
        try:
            fresh.write_bytes(_line(claim))
            os.replace(fresh, path)
        except OSError:  # a full disk: the record says the same
            fresh.unlink(missing_ok=True)
        self._ended[key] = self._clock()

    def release(self, key: str) -> None:
        """Give back a computation that was not done."""
        if key in self._own:
            self._remove(key, self._own.pop(key))
            self._ended.pop(key, None)

    def close(self) -> None:
        """Release what is not done; the last process that leaves removes everything."""
        for key in [key for key in self._own if key not in self._ended]:
            self.release(key)
        self._presence.end()
        self.tidy()

    def tidy(self) -> None:
        """Remove what ended processes left, unless another process lives that may ask for it."""
        others = self._presence.others()
        if any(state == "alive" for _, state in others.values()):
            return
        left = {*others, self._presence.me.name} if self._presence.me.ended else {*others}
        for key, number in self._numbers().items():
            # A process that has come since has claims too.
            if self._read(key, number).by in left:
                self._remove(key, number)
        for name in left:
            self._presence.forget(name)
        with suppress(OSError):
            self.folder.rmdir()  # fails where a process has come since

    def _path(self, key: str, number: int) -> Path:
        return self.folder / f"{key}.{number}"

    def _numbers(self, key: str = "") -> dict[str, int]:
        """Return the highest number of each key, or of the one that is given."""
        found: dict[str, int] = {}
        with suppress(OSError):
            for item in os.scandir(self.folder):
                match = _NAME.fullmatch(item.name)
                if match and (not key or match[1] == key):
                    found[match[1]] = max(int(match[2]), found.get(match[1], -1))
        return found

    def _seen(self, key: str, number: int) -> Claim:
        """Return a claim, which is not read again once it is done: a look may find hundreds."""
        before = self._found.get(key)
        if before is not None and before[0] == number and before[1].state == "done":
            return before[1]
        return self._read(key, number)

    def _read(self, key: str, number: int) -> Claim:
        """Return a claim; one without a name if it is unreadable or gone."""
        try:
            data = json.loads(read_text(self._path(key, number), CAP))
            claim = Claim(**data)
        except (OSError, ValueError, RecursionError, TypeError):
            return Claim("")
        known = claim.state in ("working", "done", "failed")
        texts = isinstance(claim.by, str) and isinstance(claim.message, str)
        return claim if known and texts else Claim("")

    def _remove(self, key: str, number: int) -> None:
        for old in range(number + 1):
            with suppress(OSError):  # a folder that cannot be written any more
                self._path(key, old).unlink(missing_ok=True)


def _line(claim: Claim) -> bytes:
    return (json.dumps(asdict(claim)) + "\n").encode()
