"""Time a few batches of a network to estimate the duration of a training before it starts."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch.nn import functional

from engine.devices.found import wait_for
from engine.jobs.device_images import layout
from engine.networks.architectures import build
from engine.specs import FolderImages, Gaussians2D, Glyphs, IdxImages, ImagesSpec, NetworkSpec

TIMED_SECONDS = 0.3
LEAST_BATCHES = 2
FIRST_IMAGES = 2  # a batch norm needs two
BATCH_SECONDS = 2.0  # a batch that would take longer is timed with fewer images
GROWTH = 8  # times the images, while a batch may still grow
TRIES = 4  # a batch may be slow because other programs hold the cores


def seconds_per_pass(
    network: NetworkSpec,
    *,
    shape: tuple[int, int, int],
    classes: int,
    batch_size: int,
    device: torch.device,
    threads: int,
    check_cancelled: Callable[[], None] = lambda: None,
    seconds: float | None = None,
) -> float:
    """Return how long one image takes forwards and backwards, measured on noise.

    A network for which a batch takes longer than BATCH_SECONDS is timed on fewer images at once,
    which also keeps its activations out of memory.

    Parameters
    ----------
    shape
        (C, H, W) of an image.
    threads
        CPU threads to compute with; the thread count of the caller is restored afterwards.
    seconds
        How long batches are timed, at least two of them; None: TIMED_SECONDS.
    """
    generator = torch.Generator().manual_seed(0)
    mean = torch.full((shape[0],), 0.5)
    model = build(network, shape=shape, classes=classes, generator=generator,
                  channel_mean=mean, channel_std=mean)  # fmt: skip
    model = model.to(device).train()

    def batch_of(count: int) -> Callable[[], None]:
        images = layout(torch.rand(count, *shape, generator=generator).to(device))
        labels = torch.zeros(count, dtype=torch.int64, device=device)

        def batch() -> None:
            check_cancelled()
            model.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(model(images), labels)
            loss.backward()  # type: ignore[no-untyped-call]
            wait_for(device)

        batch()  # not timed: the first batch includes one-time set-up
        return batch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        count = min(batch_size, FIRST_IMAGES)
        batch = batch_of(count)
        while count < batch_size and _is_quick(batch):
            count = min(batch_size, count * GROWTH)
            batch = batch_of(count)
        return _timed(batch, TIMED_SECONDS if seconds is None else seconds) / count
    finally:
        torch.set_num_threads(before)


def _is_quick(batch: Callable[[], None]) -> bool:
    """Return whether GROWTH times the images would take at most BATCH_SECONDS, in some of TRIES."""
    for _ in range(TRIES):
        taken = _seconds(batch)
        if taken <= BATCH_SECONDS / GROWTH:
            return True
        if taken > BATCH_SECONDS:
            return False
    return False


def _timed(batch: Callable[[], None], seconds: float) -> float:
    """Return the median seconds of a batch."""
    taken: list[float] = []
    while len(taken) < LEAST_BATCHES or sum(taken) < seconds:
        taken.append(_seconds(batch))
    return sorted(taken)[len(taken) // 2]


def shape_of(images: ImagesSpec) -> tuple[int, int, int] | None:
    """Return channels, height and width as far as the spec tells them, else None."""
    if isinstance(images, FolderImages):
        return (3 if images.channels == "rgb" else 1), images.image_size, images.image_size
    if isinstance(images, IdxImages | Glyphs):
        return 1, 28, 28
    return (2, 1, 1) if isinstance(images, Gaussians2D) else None


def _seconds(batch: Callable[[], None]) -> float:
    start = time.perf_counter()
    batch()
    return time.perf_counter() - start
