"""Kills runs at random moments, starts them again, and looks whether anything was lost.

    python -m tests.reliability.kill --kills 1000 --seed 0

A tiny plan is run in a child process until it ends; half of the kills come at a random moment, half
at a random access to a file. Then index, pack and unpack are killed in the same way. After each
kill the study must open, every record that was announced as finished must be there unchanged, and
no temporary file may remain; at the end of a round, all records must hold the bits of a run that
was never killed.
"""

import argparse
import hashlib
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from engine.cli import share as headless
from engine.cli.main import main as isthmus
from engine.jobs.events import Ended
from engine.store.packing import pack, unpack
from engine.store.study import Study, StudyError
from engine.training import loop
from tests.reliability.forked import PLAN, ended, fork, kill, kill_self_at

# A whole run opens, renames and removes about 160 files, the others 25, 33 and 92.
MOST_EVENTS = {"run": 80, "index": 25, "pack": 33, "unpack": 92}
LONGEST = 120.0


class Lost(AssertionError):
    """A promise that was not kept."""


def run(plan: Path, study: Path, announced: Path) -> int:
    """Run the plan; write down the key of every record at the moment it is announced."""
    loop.CHECKPOINT_SECONDS = 0.0  # every epoch ends with a checkpoint
    descriptor = os.open(announced, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    class Announcing(headless.Reporter):
        def __call__(self, event):
            super().__call__(event)
            if isinstance(event, Ended) and event.outcome == "finished":
                os.write(descriptor, f"{event.key}\n".encode())

    headless.Reporter = Announcing
    return isthmus(["run", str(plan), "--study", str(study), "--device", "cpu"])


def content_of(study: Study) -> dict:
    """Return everything in the records that must not depend on when they were made."""
    found = {}
    for entry in study.entries:
        record = study.read(entry.key)
        arrays = {
            name: (str(array.dtype), array.shape, array.tobytes())
            for name, array in record.arrays.items()
        }
        documents = {
            name: text
            for name, text in record.documents.items()
            if name not in ("header", "provenance")
        }
        found[entry.key] = (dict(entry.numbers), arrays, documents)
    return found


class Harness:
    """One folder with a plan, a study that is killed again and again, and the reference."""

    def __init__(self, home: Path, seed: int):
        self.home = home
        self.random = random.Random(seed)
        self.plan = home / "plan.toml"
        self.plan.write_text(PLAN)
        self.errors = home / "errors"
        self.kills: Counter[str] = Counter()
        self.resumed = 0
        self.rounds = 0
        started = time.monotonic()
        reference = home / "reference.isthmus"
        child = fork(lambda: run(self.plan, reference, home / "reference.keys"), self.errors)
        if ended(child, LONGEST) != 0:
            raise Lost(f"the reference run did not end well: {self.errors.read_text()[-2000:]}")
        self.seconds = time.monotonic() - started
        self.reference = content_of(Study(reference))

    def round(self, most: int) -> None:
        """Kill one study until it is complete, then what works on a complete one."""
        study = self.home / f"round{self.rounds}.isthmus"
        announced = self.home / f"round{self.rounds}.keys"
        digests: dict[str, str] = {}
        start = self.total
        while self.total - start < most:
            done = self._attempt("run", lambda: run(self.plan, study, announced), study)
            self._check(study, announced, digests)
            if done:
                break
        else:
            return
        if content_of(Study(study)) != self.reference:
            raise Lost(f"{study.name} differs from the run that was never killed")
        self._complete(study)
        self._check(study, announced, digests)
        self.rounds += 1
        self.resumed += "resumed after epoch" in self.errors.read_text()
        self.errors.unlink()
        for left in (study, announced):
            shutil.rmtree(left) if left.is_dir() else left.unlink()

    @property
    def total(self) -> int:
        """How many processes were killed so far."""
        return sum(self.kills.values())

    def _attempt(self, name: str, work, place: Path) -> bool:
        """Start a child and kill it somewhere; return whether it ended before that."""
        by_event = self.random.random() < 0.5
        event = self.random.randrange(1, MOST_EVENTS[name])
        moment = self.random.uniform(0.0, 0.5 * self.seconds if name == "run" else 0.1)

        def armed() -> int:
            if by_event:
                kill_self_at(event, place.parent)
            return work()

        child = fork(armed, self.errors)
        code = ended(child, LONGEST if by_event else moment)
        if code is None:
            if by_event:
                kill(child)
                raise Lost(f"{name} hangs")
            kill(child)
            code = -9
        if code not in (0, -9):
            raise Lost(f"{name} ended with {code}: {self.errors.read_text()[-2000:]}")
        self.kills[name] += code == -9
        return code == 0

    def _check(self, folder: Path, announced: Path, digests: dict[str, str]) -> None:
        keys = announced.read_text().split() if announced.exists() else []
        if not (folder / "study.json").exists():
            if keys:
                raise Lost(f"{folder.name} is gone, with {len(keys)} records")
            return
        study = Study(folder)
        damaged = list(study.check())
        if damaged:
            raise Lost(f"{folder.name}: {damaged}")
        for key in keys:
            entry = study.entry(key)
            path = folder / "records" / entry.kind / f"{key}.h5"
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digests.setdefault(key, digest) != digest:
                raise Lost(f"record {key} changed after it was announced")
        left = [path.name for path in folder.rglob("*") if ".tmp-" in path.name]
        if left:
            raise Lost(f"{folder.name} keeps {left}")

    def _complete(self, folder: Path) -> None:
        """Kill the writing of an index, of a packed study, and of an unpacked one."""
        (folder / "index.jsonl").unlink(missing_ok=True)
        self._attempt("index", lambda: int(not Study(folder).entries), folder)
        packed, back = self.home / "packed.h5", self.home / "back.isthmus"
        before = packed.read_bytes() if packed.exists() else None
        if not self._attempt("pack", lambda: int(not pack(Study(folder), packed)), packed):
            now = packed.read_bytes() if packed.exists() else None
            if now != before and self._unpacked(packed) != self.reference:
                raise Lost("a packed study is neither the old one nor the new one")
        pack(Study(folder), packed)
        if not self._attempt("unpack", lambda: int(not unpack(packed, back).entries), back):
            whole = back.exists() and any(back.iterdir())
            if whole and content_of(Study(back)) != self.reference:
                raise Lost("half of a packed study was unpacked")
        shutil.rmtree(back, ignore_errors=True)
        if self._unpacked(packed) != self.reference:
            raise Lost("a packed study does not come back")
        if left := [path.name for path in self.home.glob(".*")]:
            raise Lost(f"beside the study remain {left}")

    def _unpacked(self, packed: Path) -> dict:
        back = self.home / "back.isthmus"
        try:
            return content_of(unpack(packed, back))
        finally:
            shutil.rmtree(back, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        harness = Harness(Path(home), options.seed)
        try:
            while harness.total < options.kills:
                harness.round(options.kills - harness.total)
                print(f"{harness.total} kills, {harness.rounds} rounds", file=sys.stderr)
        except (Lost, StudyError) as error:
            print(f"LOST after {harness.total} kills: {error}")
            return 1
    kinds = ", ".join(f"{count} in {name}" for name, count in sorted(harness.kills.items()))
    print(
        f"{harness.total} kills ({kinds}), {harness.rounds} complete rounds of "
        f"{len(harness.reference)} records, {harness.resumed} with a resumed training, "
        f"nothing lost, {time.monotonic() - started:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
