"""What the comparison with pyautoattack found: verdicts and times, kept whole in a JSON file."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tests.benchmarks.paired import Paired, at_most, differing

SAME = 0.995  # of the images must have the same verdict
ABOVE = 0.005  # of the images, that our robust accuracy may be above the peer's
TIME = 0.5  # of the peer's, at most


class OutOfTime(Exception):
    """The time that the whole comparison may take is over."""


class Clock:
    """How much of the time is left; one without a limit has any amount."""

    def __init__(self, minutes: float | None) -> None:
        self._end = float("inf") if minutes is None else time.monotonic() + 60 * minutes

    def left(self) -> float:
        """Return the seconds that are left."""
        return self._end - time.monotonic()

    @contextmanager
    def guarding(self, model: nn.Module) -> Iterator[None]:
        """Raise :class:`OutOfTime` at the first pass of the network after the end.

        Both programs ask the network all the time, so both stop within a step.
        """

        def check(*_: object) -> None:
            if self.left() < 0:
                raise OutOfTime

        hook = model.register_forward_pre_hook(check)
        try:
            yield
        finally:
            hook.remove()


@dataclass
class Found:
    """What one of the two found so far: a verdict per image, and seconds per part."""

    verdicts: list[Tensor] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    @property
    def standing(self) -> Tensor:
        """Whether each image stands, (N,) bool."""
        return torch.cat(self.verdicts)

    @property
    def accuracy(self) -> float:
        """The share of images that stand."""
        return float(self.standing.float().mean())

    def add(self, work: Callable[[], Tensor], device: torch.device) -> None:
        """Time one part; ``work`` returns whether each of its images stands."""
        _wait(device)
        started = time.perf_counter(), time.process_time()
        verdicts = work()
        _wait(device)
        self.wall.append(time.perf_counter() - started[0])
        self.processor.append(time.process_time() - started[1])
        self.verdicts.append(verdicts.cpu())

    def cut(self, count: int) -> None:
        """Forget all but the first parts, where the other one could not do the last."""
        for held in (self.verdicts, self.wall, self.processor):
            del held[count:]

    def as_dict(self) -> dict[str, Any]:
        """Return verdicts (1 stands, 0 has fallen), accuracy and times, for JSON."""
        verdicts = "".join("01"[int(stands)] for stands in self.standing)
        times = {"wall": self.wall, "processor": self.processor}
        return {"standing": self.accuracy, **times, "verdicts": verdicts}


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def share(one: Found, other: Found) -> float:
    """Return the share of images that have the same verdict."""
    return float((one.standing == other.standing).float().mean())


def paired(one: Found, other: Found) -> Paired:
    """Return how often only the one, or only the other, has an image standing."""
    return Paired.of(one.standing.numpy(), other.standing.numpy())


def compared(
    our: Found, their: Found, device: torch.device, again: Found | None = None
) -> dict[str, Any]:
    """Return the comparison of all images so far, and whether the goals are met.

    The ratio is ours over theirs, of wall times on a GPU, else of the processor's. ``again`` is the
    peer with another seed, on as many images. The goal "above" is judged by the interval of the
    difference; "same" by the share, or, where that is too low, by whether we differ from the peer
    more often than it differs from itself.
    """
    timed = "wall" if device.type == "cuda" else "processor"
    pairs = zip(getattr(our, timed), getattr(their, timed), strict=True)
    ratios = [a / b for a, b in pairs]
    same, difference = share(our, their), paired(our, their)
    ratio = statistics.median(ratios)
    row: dict[str, Any] = {
        "n": len(our.standing),
        "same": same,
        "above": our.accuracy - their.accuracy,
        "only_ours": difference.first_only,
        "only_theirs": difference.second_only,
        "p": difference.p,
        "limits": difference.limits,
        "timed": timed,
        "ratio": ratio,
        "ratios": ratios,
        "goals": {
            "same": "met" if same >= SAME else "not met",
            "above": at_most(difference.limits, ABOVE),
            "time": "met" if ratio <= TIME else "not met",
        },
        "ours": our.as_dict(),
        "theirs": their.as_dict(),
    }
    if again is not None:
        row["again"] = {"same": share(again, their), **again.as_dict()}
        odd, noise = (found.standing != their.standing for found in (our, again))
        beyond = Paired.of(odd.numpy(), noise.numpy())
        row["again"].update(beyond=beyond.limits, beyond_p=beyond.p)
        if same < SAME and beyond.limits[0] <= 0:
            row["goals"]["same"] = "not shown to be below the peer with itself"
    return row


def said(row: dict[str, Any]) -> str:
    """Return what :func:`compared` found as a line."""
    our, their, ratios = row["ours"], row["theirs"], row["ratios"]
    goals = ", ".join(row["goals"].values())
    difference = Paired(row["n"], row["only_ours"], row["only_theirs"])
    itself = f"; the peer and itself {row['again']['same']:.2%}" if "again" in row else ""
    return (
        f"  n={row['n']}: {row['same']:.2%} the same{itself}; "
        f"standing {our['standing']:.2%} and {their['standing']:.2%}: {difference.said}; "
        f"processor {sum(our['processor']):.1f} and {sum(their['processor']):.1f} s, "
        f"wall {sum(our['wall']):.1f} and {sum(their['wall']):.1f} s; {row['timed']} ratio "
        f"{row['ratio']:.2f} ({min(ratios):.2f} to {max(ratios):.2f}, n={len(ratios)} parts); "
        f"same, not above, half the time: {goals}"
    )


def verdict(rows: dict[str, dict[str, Any]]) -> str:
    """Return in which of several rows ours is systematically weaker or stronger than the peer."""
    found = {name: row for name, row in rows.items() if "p" in row}
    shown = differing({name: row["p"] for name, row in found.items()})
    words = [
        f"{name}: ours leaves {'more' if found[name]['above'] > 0 else 'fewer'} standing"
        for name in sorted(shown)
    ]
    return "; ".join(words) or f"no systematic difference seen in {len(found)} rows"


class Outcomes:
    """The rows so far, printed and saved after every part.

    Parameters
    ----------
    path
        The JSON file, which is whole at any time; None for none.
    """

    def __init__(self, path: Path | None, **facts: Any) -> None:
        self._path, self._begun = path, time.monotonic()
        self._told: dict[str, Any] = {"facts": facts, "state": "running", "rows": {}}
        self.say(", ".join(f"{name} {value}" for name, value in facts.items()))
        self._save()

    def say(self, text: str) -> None:
        """Print a line with the time."""
        print(f"{time.monotonic() - self._begun:7.1f} s  {text}", flush=True)

    def tell(self, name: str, **facts: Any) -> None:
        """Note facts about a row beside those that were noted before."""
        self._told["rows"].setdefault(name, {}).update(facts)
        self._save()

    def end(self, state: str) -> None:
        """Note how the whole ended."""
        self._told["state"] = state
        self.say(f"{state}; {verdict(self._told['rows'])}")
        self._save()

    def _save(self) -> None:
        if self._path is None:
            return
        self._told["seconds"] = time.monotonic() - self._begun
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(self._told, indent=1))
        os.replace(part, self._path)
