"""The report of a device check: what was found so far, in one JSON file and on the terminal."""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Report:
    """Collects rows by section, prints them with the time, and saves them after each.

    Parameters
    ----------
    path
        The JSON file. It is whole at any time, so that a check that is killed leaves one.
    seconds
        How long the whole check may take.
    """

    def __init__(self, path: Path, seconds: float):
        self._path, self._seconds, self._begun = path, seconds, time.monotonic()
        self._told: dict[str, Any] = {"facts": {}, "sections": {}, "seconds": 0.0}
        self.failed = self.left_out = 0

    def elapsed(self) -> float:
        """Return the seconds since the check began."""
        return time.monotonic() - self._begun

    def left(self, share: float = 1.0) -> float:
        """Return the seconds that are left of the first ``share`` of the whole time."""
        return share * self._seconds - self.elapsed()

    def say(self, text: str) -> None:
        """Print a line with the time."""
        print(f"{self.elapsed():6.1f} s  {text}", flush=True)

    def tell(self, **facts: Any) -> None:
        """Note facts about the machine or the whole check."""
        self._told["facts"].update(facts)
        self.save()

    def add(self, section: str, name: str, ok: bool | None = None, **row: Any) -> None:
        """Note a row.

        Parameters
        ----------
        ok
            Whether it is as it should be; None where nothing is judged.
        row
            Plain numbers and texts.
        """
        self.failed += ok is False
        self.left_out += "left_out" in row
        kept = {"name": name, **({} if ok is None else {"ok": ok}), **row}
        self._told["sections"].setdefault(section, []).append(kept)
        words = ", ".join(f"{key} {_short(value)}" for key, value in row.items())
        mark = {True: "ok  ", False: "FAIL", None: "    "}[ok]
        self.say(f"{mark} {section}: {name}: {words}")
        self.save()

    def attempt(self, section: str, name: str, work: Callable[[], None]) -> None:
        """Do a piece of work; what it raises becomes a failed row, and the check goes on."""
        try:
            work()
        except Exception as error:
            details = traceback.format_exc().splitlines()[-12:]
            text = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            self.add(section, name, False, error=text[:300], details=details)

    def save(self) -> None:
        """Write the file under another name first, so that it is never half written."""
        self._told |= {
            "seconds": self.elapsed(),
            "failed": self.failed,
            "left_out": self.left_out,
        }
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(self._told, indent=1))
        os.replace(part, self._path)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{len(value)} lines" if isinstance(value, list) else str(value)
