"""Where a network stands among RobustBench's published entries for CIFAR-10, if it may be compared.

Source: Croce et al. 2021, RobustBench. The entries, their source and its date are in
resources/robustbench-cifar10.json. A published robust accuracy is the lowest that is known of the
entry: what AutoAttack left, or less where another attack found more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from engine.program import ROOT
from engine.specs import ClassifierSpec, FolderImages, Measurement, StrongAccuracy
from engine.specs.attacks import Norm, strength
from engine.specs.images import ImagesSpec
from engine.store.index import Entry
from engine.store.study import Study, StudyError, spec_of
from engine.tradeoff.robustness import measured_findings, sentence

FILE = ROOT / "resources" / "robustbench-cifar10.json"
THREATS: dict[Norm, float] = {"linf": 8 / 255, "l2": 0.5}
CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
TEST_IMAGES = 10_000
SIDE = 32
LOSSY = (".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".heic", ".heif", ".gif")
TEST_FOLDERS = ("test", "testing")
UNCOMPARED = (
    "Recognised as CIFAR-10 by the names of its classes and by the number, size and file type of "
    "its test images; the pixels are not compared with the original."
)


class Published(NamedTuple):
    """A published entry; accuracies in percent."""

    name: str
    clean: float
    robust: float
    architecture: str
    venue: str


@dataclass(frozen=True)
class Board:
    """The entries of one threat, highest robust accuracy first, and where they come from."""

    norm: Norm
    entries: tuple[Published, ...]
    source: str
    date: str

    @property
    def title(self) -> str:
        """Its name, such as "CIFAR-10, L-inf 8/255"."""
        return f"CIFAR-10, {strength(self.norm, THREATS[self.norm])}"


@dataclass(frozen=True)
class Standing:
    """A network before one board.

    Attributes
    ----------
    differences
        Sentences on how its evaluation differs from the published one, and what would agree; with
        any, the network has no place.
    place
        1 for the highest accuracy; an entry of equal accuracy stands before it. None if it has no
        place.
    clean, robust
        Its accuracies in [0, 1]; None without a measurement by AutoAttack at this threat.
    """

    board: Board
    differences: tuple[str, ...]
    place: int | None = None
    clean: float | None = None
    robust: float | None = None

    def neighbours(self, count: int = 3) -> list[tuple[int, Published]]:
        """Return the published entries around its place, with the places they have without it."""
        if self.place is None:
            return []
        first = max(0, self.place - 1 - count)
        return list(enumerate(self.board.entries, 1))[first : self.place - 1 + count]

    @property
    def words(self) -> str:
        """Its place in a sentence, or why it has none."""
        if self.place is None:
            reasons = " ".join(self.differences)
            return f"Not comparable with RobustBench, {self.board.title}: {reasons}"
        return (
            f"RobustBench, {self.board.title}: place {self.place} among "
            f"{len(self.board.entries)} published entries ({self.board.date}) and this network."
        )


@cache
def board(norm: Norm) -> Board:
    """Return the published entries for CIFAR-10 in a norm."""
    known: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    entries = tuple(Published(*row) for row in known[norm])
    return Board(norm, entries, known["source"], known["date"])


def standings(study: Study, key: str) -> tuple[Standing, ...]:
    """Return how the classifier with this key stands before each board.

    Raises
    ------
    StudyError
        If the study has no classifier with this key.
    """
    spec = spec_of(study.entry(key))
    if not isinstance(spec, ClassifierSpec):
        raise StudyError(f"record {key} is no network: only networks are compared")
    measured = [
        (entry, found)
        for entry in study.entries
        if entry.kind == Measurement.kind
        and isinstance(found := spec_of(entry), Measurement)
        and found.classifier.key == key
    ]
    images = tuple(_of_images(study, spec.images))
    return tuple(_standing(board(norm), images, measured) for norm in THREATS)


def _standing(
    board: Board, images: tuple[str, ...], measured: Sequence[tuple[Entry, Measurement]]
) -> Standing:
    at_threat = [pair for pair in measured if _is_standard(pair[1], board.norm)]
    if not at_threat:
        return Standing(board, (*images, _not_measured(board, measured)))
    entry, spec = max(at_threat, key=lambda pair: int(pair[0].numbers.get("test_images", 0)))
    numbers = entry.numbers
    clean, robust = float(numbers["clean_accuracy"]), float(numbers["accuracy"])
    differences = list(images)
    count = int(numbers.get("test_images", spec.test_images))
    if count != TEST_IMAGES:
        differences.append(
            f"AutoAttack was made on {count:,} test images, must be on all {TEST_IMAGES:,}."
        )
    failed = [sentence(check) for check in measured_findings(entry, spec) if not check.passed]
    differences += [f"A check of the evaluation failed. {text}" for text in failed]
    if differences:
        return Standing(board, tuple(differences), None, clean, robust)
    # Published figures have two decimals; so has ours, or equal ones would not be equal.
    own = round(100 * robust, 2)
    place = 1 + sum(other.robust >= own for other in board.entries)
    return Standing(board, (), place, clean, robust)


def _is_standard(spec: Measurement, norm: Norm) -> bool:
    metric = spec.metric
    return (
        isinstance(metric, StrongAccuracy)
        and metric.level == "autoattack"
        and metric.norm == norm
        and abs(metric.eps - THREATS[norm]) < 1e-6
    )


def _not_measured(board: Board, measured: Sequence[tuple[Entry, Measurement]]) -> str:
    found = dict.fromkeys(
        spec.metric.title for _, spec in measured if isinstance(spec.metric, StrongAccuracy)
    )
    there = f" The study has {', '.join(found)}, which is not that." if found else ""
    return (
        f"Not evaluated by AutoAttack at {strength(board.norm, THREATS[board.norm])}: measure "
        f"accuracy under strong attacks, level autoattack, on {TEST_IMAGES:,} test images.{there}"
    )


def _of_images(study: Study, spec: ImagesSpec) -> Iterator[str]:
    """Yield how the test images differ from those of CIFAR-10."""
    try:
        record = study.read(spec)
    except StudyError:
        yield f"The images, {spec.title}, have no record in the study to tell what they are."
        return
    classes = sorted(str(name).lower() for name in record.documents.get("classes", ()))
    if not isinstance(spec, FolderImages) or classes != list(CLASSES):
        yield f"The images are {spec.title}, must be CIFAR-10 with its ten classes."
        return
    numbers = record.numbers
    shape = tuple(numbers.get(name) for name in ("channels", "height", "width"))
    if shape != (3, SIDE, SIDE):
        yield (
            f"The images are {shape[2]} x {shape[1]} px with {shape[0]} channels, must be "
            f"{SIDE} x {SIDE} px with 3."
        )
    if numbers.get("test_images") != TEST_IMAGES:
        yield (
            f"There are {numbers.get('test_images', 0):,} test images, must be CIFAR-10's "
            f"{TEST_IMAGES:,}."
        )
    files = [str(name) for name in record.documents.get("test_files", ())]
    yield from _of_files(files)


def _of_files(files: Sequence[str]) -> Iterator[str]:
    lossy = [name for name in files if name.lower().endswith(LOSSY)]
    if lossy:
        yield (
            f"{len(lossy):,} of the test images are files like {lossy[0].rpartition('/')[2]}, "
            "compressed with loss: their pixels are not CIFAR-10's. Use the original, for example "
            "as PNG."
        )
    if not files or any(name.partition("/")[0].lower() not in TEST_FOLDERS for name in files):
        yield (
            "The test images do not all lie in a folder test/, so they may be drawn from the "
            "training images; must be CIFAR-10's own test part."
        )
