"""Feeds mutated files and texts to everything that reads what strangers wrote.

    python -m tests.reliability.fuzz --inputs 10000 --seed 0

Allowed is success, or the one documented error of the reader. Each input runs in a forked child
with limited memory; a crash of the interpreter, 5 seconds of the processor or a minute without an
answer, or any other error is reported with the number that makes the same input again.
"""

import argparse
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter
from pathlib import Path

import tomli_w
import torch
import torchvision  # noqa: F401  # here, as each child would take seconds to import it
from PIL import Image

from engine import specs
from engine.data.archives import open_archive
from engine.data.decode import UnreadableImage, decode, decode_fitted
from engine.data.images import ingest
from engine.data.sources import ImagesError
from engine.networks.architectures import build, laid_out
from engine.networks.weights import WeightsError, load_state
from engine.plan.planfile import read_plan
from engine.specs.schema import SpecError, from_dict
from engine.store import hdf5
from engine.store.hdf5 import FileError
from engine.store.packing import pack
from engine.store.seal import USER_BLOCK
from engine.store.study import Study, StudyError
from tests import image_files
from tests.made_up_study import IMAGES, add_images, add_network, network, scored, sweep
from tests.reliability import image_fuzz, texts_fuzz, weights_fuzz
from tests.reliability.forked import PLAN
from tests.reliability.sealing import place_of, sealed

SECONDS = 5.0  # of the processor, as other work may share it
SILENCE = 60.0  # of the clock, also while the process waits
MEMORY = 1 << 30
BATCH = 100
ODD_BYTES = (b"", b"\0", b"\xff" * 8, b"\x7f\xff\xff\xff", b"\0" * 16, b"../", b"[[[[", b"@", b"e9")
ODD_VALUES = (
    *(None, True, -1, 0, 2**31, 2**63, 10**40, 1e308, 5e-324, float("nan"), float("inf"), -0.0),
    *(
        "",
        "linf",
        "@x",
        "\0",
        "../x",
        "\ud800",
        "x" * 5000,
        [],
        [[]],
        {},
        {"kind": "pgd"},
        [1] * 500,
    ),
)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Change, cut, double, insert or remove something, a few times."""
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(data) + 1)
        length = chance.choice((1, 2, 4, 8, 64))
        match chance.randrange(6):
            case 0 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(data):
                data[at] = chance.randrange(256)
            case 2:
                odd = chance.choice(ODD_BYTES)
                data[at : at + len(odd)] = odd
            case 3 if chance.random() < 0.3:
                del data[at:]
            case 4:
                other = chance.randrange(len(data) + 1)
                data[at : at + length] = data[other : other + length]
            case _:
                data[at : at + length] = chance.randbytes(length)
    return bytes(data)


def twisted(form, chance: random.Random):
    """Replace, remove or add something in a JSON form."""
    if isinstance(form, dict) and form and chance.random() < 0.85:
        name = chance.choice(list(form))
        copy = dict(form)
        match chance.randrange(5):
            case 0:
                del copy[name]
            case 1:
                copy[chance.choice(("eps", "kind", "x", "", "images", "scheme"))] = form[name]
            case _:
                copy[name] = twisted(form[name], chance)
        return copy
    if isinstance(form, list) and form and chance.random() < 0.6:
        at = chance.randrange(len(form))
        return [*form[:at], twisted(form[at], chance), *form[at + 1 :]]
    return chance.choice(ODD_VALUES)


class Targets:
    """The readers under test, each with inputs to begin from; all of them live in one folder."""

    def __init__(self, home: Path):
        self.home = home
        self.study = Study(home / "s.isthmus", create=True)
        add_images(self.study)
        add_network(self.study, network())
        pack(self.study, home / "packed.h5")
        self.record = place_of(self.study).read_bytes()
        self.packed = (home / "packed.h5").read_bytes()
        self.index = (self.study.path / "index.jsonl").read_bytes()
        self.about = (self.study.path / "study.json").read_bytes()
        self.forms = [entry.spec for entry in sweep(home).entries[::7]]
        self.forms += [
            scored(network("l2", 0.1), network()).as_dict(),
            specs.VAEGAN(images=IMAGES).as_dict(),
        ]
        picture = Image.effect_noise((24, 20), 80)
        kinds = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
        self.images = [image_files.encoded(picture.convert("RGB"), kind) for kind in kinds]
        self.images.append(image_files.encoded(picture.convert("P"), "PNG", transparency=3))
        self.images.append(image_files.encoded(picture, "TIFF", compression="tiff_lzw"))
        self.costly = image_fuzz.costly_files()
        folder = image_files.write(home / "pets", image_files.classes({"a": 3, "b": 3}))
        makers = {
            "x.zip": image_files.zipped,
            "x.tar": image_files.tarred,
            "x.tgz": image_files.tarred,
        }
        self.archives = {n: make(folder, home / n).read_bytes() for n, make in makers.items()}
        tiny = specs.SmallCNN(width=2, hidden=4)
        self.model = build(tiny, shape=(1, 8, 8), classes=2, generator=torch.Generator())
        stream = io.BytesIO()
        torch.save(self.model.state_dict(), stream)
        from safetensors.torch import save

        self.weights = {".pt": stream.getvalue(), ".safetensors": save(self.model.state_dict())}

    def read_record(self, chance):
        path = place_of(self.study)
        path.write_bytes(sealed(mutated(self.record[USER_BLOCK:], chance)))
        hdf5.read(path)

    def open_study(self, chance):
        path = place_of(self.study)
        path.write_bytes(sealed(mutated(self.record[USER_BLOCK:], chance)))
        opened = Study(self.study.path)
        list(opened.check())
        for entry in opened.entries:
            json.dumps(opened.read(entry.key).entry.numbers, allow_nan=False)

    def read_packed(self, chance):
        path = self.home / "mutated.h5"
        path.write_bytes(sealed(mutated(self.packed[USER_BLOCK:], chance)))
        for _ in hdf5.read_packed(path, 2):
            pass

    def read_index(self, chance):
        (self.study.path / "index.jsonl").write_bytes(mutated(self.index, chance))
        (self.study.path / "study.json").write_bytes(
            mutated(self.about, chance) if chance.random() < 0.3 else self.about
        )
        place_of(self.study).write_bytes(self.record)
        opened = Study(self.study.path)
        json.dumps([entry.numbers for entry in opened.entries], allow_nan=False)

    def read_spec(self, chance):
        form = chance.choice(self.forms)
        for _ in range(chance.choice((1, 1, 2, 5))):
            form = twisted(form, chance)
        spec = from_dict(form)
        if from_dict(spec.as_dict()).key != spec.key:
            raise AssertionError("a spec does not come back")

    def read_plan(self, chance):
        path = self.home / "plan.toml"
        if chance.random() < 0.3:
            path.write_bytes(mutated(PLAN.encode(), chance))
        else:
            try:
                path.write_text(tomli_w.dumps(twisted(tomllib.loads(PLAN), chance)))
            except (AttributeError, TypeError, ValueError):
                return  # TOML has no such value
        read_plan(path)

    def decode_image(self, chance):
        data = mutated(chance.choice(self.images), chance)
        decode_fitted(data, image_size=16, channels="rgb", fit="crop")
        decode(data)

    def decode_costly(self, chance):
        image_fuzz.read_costly(mutated(chance.choice(self.costly), chance), chance)

    def read_image_set(self, chance):
        pictures = [chance.choice(self.images), mutated(chance.choice(self.images), chance)]
        image_fuzz.read_set(self.home, pictures, chance)

    def read_archive(self, chance):
        name = chance.choice(list(self.archives))
        path = self.home / f"mutated-{name}"
        path.write_bytes(mutated(self.archives[name], chance))
        open_archive(path, lambda: None, lambda done, total: None).close()
        ingest(path)

    def read_weights(self, chance):
        suffix = chance.choice(list(self.weights))
        path = self.home / f"weights{suffix}"
        path.write_bytes(mutated(self.weights[suffix], chance))
        load_state(self.model, path)

    def find_network(self, chance):
        path = self.home / f"network{chance.choice(('.pt', '.pth', '.safetensors', ''))}"
        weights_fuzz.write(path, self.model[1].state_dict(), chance)
        if chance.random() < 0.2:
            path.write_bytes(mutated(path.read_bytes(), chance))
        weights_fuzz.read(path, chance)

    def read_texts(self, chance):
        texts_fuzz.read(self.home, chance)

    def read_mixed_set(self, chance):
        image_fuzz.read_mixed(self.home, chance)


ALLOWED = {
    "read_record": FileError,
    "open_study": StudyError,
    "read_packed": FileError,
    "read_index": StudyError,
    "read_spec": SpecError,
    "read_plan": SpecError,
    "decode_image": UnreadableImage,
    "read_archive": ImagesError,
    "read_weights": WeightsError,
    "decode_costly": UnreadableImage,
    "read_image_set": ImagesError,
    "find_network": (WeightsError, SpecError),
    "read_texts": StudyError,
    "read_mixed_set": ImagesError,
}


def one(targets: Targets, seed: int, number: int) -> tuple[str, str]:
    """Run one input; return the target, and "ok", "refused" or what went wrong."""
    chance = random.Random(f"{seed}/{number}")
    name = list(ALLOWED)[number % len(ALLOWED)]
    try:
        getattr(targets, name)(chance)
    except ALLOWED[name] as error:
        text = str(error)
        return name, "refused" if "\n" not in text and len(text) < 5000 else f"long: {text[:200]}"
    except BaseException:
        return name, traceback.format_exc()
    return name, "ok"


def batch(home: Path, seed: int, first: int, last: int, log: Path) -> None:
    """Run inputs in this child, writing down each one before and after it."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    targets = Targets(home)
    with open(log, "a") as file:
        for number in range(first, last):
            print(json.dumps([number, "begins", ""]), file=file, flush=True)
            print(json.dumps([number, *one(targets, seed, number)]), file=file, flush=True)


def lines_of(log: Path) -> list[list]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def watched(child: int, log: Path) -> str:
    """Wait for a child; return "" or how it went wrong."""
    size, since, spent = -1, time.monotonic(), 0.0
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            code = os.waitstatus_to_exitcode(status)
            return "" if code == 0 else f"the interpreter ended with {code}"
        now = log.stat().st_size if log.exists() else 0
        if now != size:
            size, since, spent = now, time.monotonic(), processor_seconds(child)
        # Making the inputs to begin from takes time of its own, before the first line.
        busy = size > 0 and processor_seconds(child) - spent > SECONDS
        if busy or time.monotonic() - since > SILENCE:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return f"no answer within {SECONDS:g} s" if busy else f"silent for {SILENCE:g} s"
        time.sleep(0.01)


def processor_seconds(process: int) -> float:
    """Return how long a process that has not been waited for has used the processor."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(inputs: int, seed: int, home: Path) -> tuple[Counter, list[str]]:
    """Run all inputs; return how often each outcome came, and what went wrong."""
    counts: Counter = Counter()
    wrong: list[str] = []
    next_one = told = 0
    while next_one < inputs and len(wrong) < 20:
        last = min(inputs, next_one + BATCH)
        folder, log = home / "batch", home / "log"
        folder.mkdir()
        child = os.fork()
        if child == 0:
            try:
                batch(folder, seed, next_one, last, log)
                os._exit(0)
            except BaseException:
                (home / "error").write_text(traceback.format_exc())
                os._exit(70)
        problem = watched(child, log)
        lines = lines_of(log)
        for number, name, outcome in lines:
            if outcome in ("ok", "refused"):
                counts[name, outcome] += 1
            elif outcome:
                wrong.append(f"input {number}, {name}: {outcome}")
        if problem and not lines:
            error = home / "error"  # is not there if a starved child had no minute to begin
            raise RuntimeError(problem + (error.read_text() if error.exists() else ""))
        if problem:
            stuck = lines[-1][0]
            wrong.append(f"input {stuck}, {list(ALLOWED)[stuck % len(ALLOWED)]}: {problem}")
        next_one = lines[-1][0] + 1
        for text in wrong[told:]:
            print(text, flush=True)
        told = len(wrong)
        shutil.rmtree(folder)
        log.unlink()
    return counts, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    # Torch imports what lays networks out when it is first used, for seconds; here, and not in
    # each of the children.
    laid_out(specs.CifarResNet(), shape=(3, 32, 32), classes=2)
    laid_out(specs.Torchvision(name="vit_b_16"), shape=(3, 32, 32), classes=2)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        counts, wrong = run(options.inputs, options.seed, Path(home))
    for name in ALLOWED:
        print(f"{name:14} {counts[name, 'ok']:6} read, {counts[name, 'refused']:6} refused")
    print(f"{sum(counts.values())} inputs, {len(wrong)} wrong, {time.monotonic() - started:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
