"""Read each image file once: hash its bytes, and decode its pixels if they are selected.

One thread reads, several threads decode. Pillow releases the interpreter lock while decoding, so
large images use all cores. For small images Python dominates the time, so files are handled in
batches to reduce overhead. Where the rule of a set for deep values is not known yet, deep files are
measured in the first reading, and those that are selected are read again when it is decided.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.cores import allotted_cores
from engine.data.decode import Fitted, UnreadableImage, decode_fitted, value_range
from engine.data.image_set import Skipped
from engine.data.safety.apart import Workers
from engine.data.sources import Check, ImagesError, OnProgress, Source, SourceFile, UnreadableFile
from engine.data.traits import Traits
from engine.data.values import Scale, Undecided, ValueRange, decided
from engine.memory import blocks, in_words, room
from engine.specs.images import Channels, ImageFit

CHANGED = "changed while the images were read"
WORKERS = min(allotted_cores().count, 8)
BATCH_FILES = 128
BATCH_BYTES = 2**20  # keeps batches of large files small, so that cancelling takes effect soon
# Bytes of files that wait to be decoded; a single file may be larger.
WAITING_BYTES = 256 * 2**20


class ColourFound(Exception):
    """An image has colour, although all images were assumed to be grey."""


@dataclass(frozen=True)
class Wish:
    """The requested form of the pixels.

    Parameters
    ----------
    grey_only
        Whether to raise :class:`ColourFound` on a colour image.
    scale
        The rule for deep values; if it is being settled, it is decided over all files.
    """

    image_size: int
    channels: Channels
    fit: ImageFit
    grey_only: bool = False
    scale: Scale = Scale()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of one image."""
        return self.image_size, self.image_size, 1 if self.channels == "grey" else 3


@dataclass
class Reading:
    """The result of :func:`read_images`.

    Attributes
    ----------
    pixels
        (R, C, S, S) uint8; rows where ``is_read`` is False are undefined.
    is_read
        (R,) whether the row's image was decoded.
    hashes
        SHA-256 of every file's bytes; None if the file could not be read.
    traits
        How every decoded image is stored; None for files that were not decoded.
    ranges
        The values of deep files, by entry, where the rule was being settled.
    scale
        The rule for deep values.
    skipped
        Files that could not be read, or were selected and could not be decoded.
    """

    pixels: NDArray[np.uint8]
    is_read: NDArray[np.bool_]
    hashes: list[bytes | None]
    traits: list[Traits | None]
    scale: Scale = Scale()
    ranges: dict[int, ValueRange] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def sizes(self) -> Counter[tuple[int, int]]:
        """Number of decoded images by width and height."""
        return Counter(stored.size for stored in self.traits if stored)

    @property
    def rules(self) -> Counter[str]:
        """Number of decoded images by applied rule."""
        return Counter(rule for stored in self.traits if stored for rule in stored.rules)


@dataclass(frozen=True, slots=True)
class _Read:
    """One file's bytes, or the reason why they could not be read."""

    index: int
    data: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class _Outcome:
    index: int
    hash: bytes | None
    fitted: Fitted | None
    reason: str
    range: ValueRange | None = None


def read_images(
    source: Source,
    entries: Sequence[SourceFile],
    rows: Sequence[int],
    wish: Wish,
    *,
    check_cancelled: Check,
    progress: OnProgress,
) -> Reading:
    """Read every file, hash it, and decode those that have a row.

    Parameters
    ----------
    rows
        For every entry the row of its pixels, or -1 to hash it only. The rows are 0..R-1.
    progress
        Called with the number of files done and their total.

    Raises
    ------
    ImagesError
        If the pixels do not fit into the memory.
    ColourFound
        If ``wish.grey_only`` and an image has colour.
    """
    reading = _room(len(entries), sum(row >= 0 for row in rows), wish)
    order = source.in_order(entries)
    _read_all(reading, source, entries, rows, order, wish, check_cancelled, progress)
    if wish.scale.settling:
        reading.scale = decided(wish.scale, list(reading.ranges.values()))
        again = [k for k in order if k in reading.ranges and rows[k] >= 0]
        wish = replace(wish, scale=reading.scale)
        _read_all(reading, source, entries, rows, again, wish, check_cancelled, progress)
    reading.skipped.sort(key=lambda item: item.path)
    return reading


def _read_all(
    reading: Reading,
    source: Source,
    entries: Sequence[SourceFile],
    rows: Sequence[int],
    order: Sequence[int],
    wish: Wish,
    check_cancelled: Check,
    progress: OnProgress,
) -> None:
    """Read the entries of ``order`` and note what was found."""
    stop = threading.Event()
    running: deque[tuple[Future[list[_Outcome]], int]] = deque()
    done = waiting = 0

    def collect() -> None:
        nonlocal done, waiting
        answer, weight = running.popleft()
        outcomes = answer.result()
        done += len(outcomes)
        waiting -= weight
        _note(reading, outcomes, entries, rows)
        progress(done, len(order))

    with Workers(WORKERS) as pool:
        try:
            for batch in _batches(source, entries, order):
                check_cancelled()
                weight = sum(len(item.data) for item in batch)
                while running and waiting + weight > WAITING_BYTES:
                    collect()
                answer = pool.submit(_decode_batch, batch, rows, wish, reading.pixels, stop)
                running.append((answer, weight))
                waiting += weight
                if len(running) > WORKERS + 1:
                    collect()
            while running:
                check_cancelled()
                collect()
        except BaseException:
            stop.set()
            raise


def compact(array: NDArray[np.uint8], keep: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Move the rows to keep to the front in place, without a copy, and return them."""
    kept = np.flatnonzero(keep)
    if len(kept) == len(keep):
        return array
    for part in blocks(len(kept), array[:1].nbytes):
        # kept[k] >= k, so every overwritten row was moved before or is not kept.
        array[part] = array[kept[part]]
    return array[: len(kept)]


def _room(files: int, count: int, wish: Wish) -> Reading:
    height, width, channels = wish.shape
    try:
        pixels = room((count, channels, height, width), np.uint8)
    except (MemoryError, ValueError, OverflowError):
        need = in_words(count * channels * height * width)
        raise ImagesError(
            f"image_size is {height}, must be smaller: {count:,} such images need {need}, which "
            "neither the memory nor the disk has"
        ) from None
    none: list[Any] = [None] * files
    return Reading(pixels, np.zeros(count, np.bool_), none, [*none], wish.scale)


def _batches(
    source: Source, entries: Sequence[SourceFile], order: Sequence[int]
) -> Iterator[list[_Read]]:
    batch: list[_Read] = []
    weight = 0
    for index in order:
        try:
            item = _Read(index, source.read(entries[index]), "")
        except UnreadableFile as error:
            item = _Read(index, b"", str(error))
        batch.append(item)
        weight += len(item.data)
        if len(batch) == BATCH_FILES or weight > BATCH_BYTES:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _decode_batch(
    batch: Sequence[_Read],
    rows: Sequence[int],
    wish: Wish,
    pixels: NDArray[np.uint8],
    stop: threading.Event,
) -> list[_Outcome]:
    outcomes = []
    for item in batch:
        if stop.is_set():
            break
        outcomes.append(_decode_one(item, wish, rows[item.index] >= 0))
    fitted = [(rows[item.index], item.fitted.pixels) for item in outcomes if item.fitted]
    if fitted:
        # Convert the batch at once: a numpy call costs more than converting one small image.
        stack = np.frombuffer(b"".join(data for _, data in fitted), np.uint8)
        images = stack.reshape(-1, *wish.shape).transpose(0, 3, 1, 2)
        pixels[[row for row, _ in fitted]] = images
    return outcomes


def _decode_one(item: _Read, wish: Wish, wanted: bool) -> _Outcome:
    if item.reason:
        return _Outcome(item.index, None, None, item.reason)
    digest = hashlib.sha256(item.data).digest()
    if not wanted:
        # The rule of a set does not depend on which of its images are selected.
        found = value_range(item.data) if wish.scale.settling else None
        return _Outcome(item.index, digest, None, "", found)
    try:
        fitted = decode_fitted(
            item.data,
            image_size=wish.image_size,
            channels=wish.channels,
            fit=wish.fit,
            scale=wish.scale,
        )
    except Undecided as undecided:
        return _Outcome(item.index, digest, None, "", undecided.range)
    except UnreadableImage as error:
        return _Outcome(item.index, digest, None, str(error))
    if wish.grey_only and not fitted.grey:
        raise ColourFound
    return _Outcome(item.index, digest, fitted, "")


def _note(
    reading: Reading,
    outcomes: Sequence[_Outcome],
    entries: Sequence[SourceFile],
    rows: Sequence[int],
) -> None:
    for item in outcomes:
        index, before = item.index, reading.hashes[item.index]
        reason = CHANGED if before is not None and before != item.hash else item.reason
        if before is None:
            reading.hashes[index] = item.hash
        if item.range:
            reading.ranges[index] = item.range
        if reason:
            reading.skipped.append(Skipped(entries[index].path, reason))
        elif item.fitted:
            reading.is_read[rows[index]] = True
            reading.traits[index] = item.fitted.traits
