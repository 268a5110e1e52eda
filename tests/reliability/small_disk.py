"""Runs a plan on disks of their own that are too small for it, then makes room and goes on.

    unshare --mount --map-root-user python -m tests.reliability.small_disk [--sizes 24 48 ...]

Each disk is a tmpfs, so that the kernel itself says that there is no room, wherever that happens:
at the study's own files, a record, a checkpoint, or a line of the index. For every size in KB the
plan is run on a disk of that size. It must end with exit code 1 or 2 and without a traceback; the
study must pass its check, and every record that was announced must be whole. Then the disk is made
large enough: the same command must finish, and a packed copy on another small disk must fail in one
sentence without leaving a file.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from engine.cli import share as headless
from engine.cli.main import main as isthmus
from engine.jobs.events import Ended
from engine.store.study import Study
from engine.training import loop
from tests.reliability.forked import PLAN, ended, fork

SIZES = (8, 24, 48, 96, 192, 288, 384)
PATIENCE = 120.0


class Lost(AssertionError):
    """A promise that was not kept."""


def mount(place: Path, kilobytes: int, *, again: bool = False) -> None:
    """Put a tmpfs of a size at a folder, or change the size of the one that is there."""
    options = f"remount,size={kilobytes}k" if again else f"size={kilobytes}k"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], check=True)


def run(plan: Path, study: Path, announced: Path) -> int:
    """Run the plan; note the key of every record at the moment it is announced."""
    loop.CHECKPOINT_SECONDS = 0.0  # every epoch ends with a checkpoint

    class Announcing(headless.Reporter):
        def __call__(self, event):
            super().__call__(event)
            if isinstance(event, Ended) and event.outcome == "finished":
                with announced.open("a", encoding="ascii") as file:
                    file.write(f"{event.key}\n")

    headless.Reporter = Announcing
    return isthmus(["run", str(plan), "--study", str(study), "--device", "cpu"])


def one_size(home: Path, kilobytes: int) -> str:
    """Try one size; return what happened in a line."""
    disk, plan = home / "disk", home / "plan.toml"
    said, announced = home / f"said-{kilobytes}", home / f"announced-{kilobytes}"
    study = disk / "s.isthmus"
    announced.touch()
    mount(disk, kilobytes)
    try:
        code = ended(fork(lambda: run(plan, study, announced), said), PATIENCE)
        text = said.read_text(encoding="utf-8")
        if code not in (1, 2) or "Traceback" in text:
            raise Lost(f"{kilobytes} KB: exit code {code}\n{text}")
        if "No space left on device" not in text:
            raise Lost(f"{kilobytes} KB: nothing said of the full disk\n{text}")
        keys = announced.read_text(encoding="ascii").split()
        whole(study, keys, kilobytes)
        mount(disk, 64 * 1024, again=True)
        code = ended(fork(lambda: run(plan, study, announced), said), PATIENCE)
        if code != 0:
            raise Lost(f"{kilobytes} KB: with room, exit code {code}\n{said.read_text()}")
        every = announced.read_text(encoding="ascii").split()
        if len(set(every)) != len(every):
            raise Lost(f"{kilobytes} KB: a finished record was computed again")
        whole(study, every, kilobytes)
        packed(home, study, kilobytes)
    finally:
        subprocess.run(["umount", disk], check=True)
    return f"{kilobytes:5d} KB: {len(keys)} of {len(every)} records before the disk was full"


def whole(study: Path, keys: list[str], kilobytes: int) -> None:
    """See that the study holds these records, that all of them can be read, and nothing else."""
    if not keys and not study.exists():
        return
    if isthmus(["check", "--study", str(study)]) != 0:
        raise Lost(f"{kilobytes} KB: the study is damaged")
    opened = Study(study)
    for key in keys:
        opened.read(key)
    left = [path.name for path in study.rglob(".*tmp-*")]
    if left:
        raise Lost(f"{kilobytes} KB: left behind: {left}")


def packed(home: Path, study: Path, kilobytes: int) -> None:
    """Pack onto a disk without room: a sentence, and no half of a file."""
    other = home / "other"
    mount(other, 16)
    try:
        command = ["pack", "--study", str(study), "--out", str(other / "s.h5")]
        said = home / f"packed-{kilobytes}"
        code = ended(fork(lambda: isthmus(command), said), PATIENCE)
        text = said.read_text(encoding="utf-8")
        if code in (0, None) or "Traceback" in text or os.listdir(other):
            raise Lost(f"packing: exit code {code}, left {os.listdir(other)}\n{text}")
    finally:
        subprocess.run(["umount", other], check=True)


def main() -> int:
    """Print a line for each size; exit code 1 at the first promise that was not kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="KB")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "plan.toml").write_text(PLAN, encoding="utf-8")
        for name in ("disk", "other"):
            (home / name).mkdir()
        try:
            for kilobytes in options.sizes:
                print(one_size(home, kilobytes), flush=True)
        except Lost as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
