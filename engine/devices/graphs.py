"""Steps of a training captured once as a CUDA graph and replayed, which spares their launches.

What is captured must wait for nothing, and draw no random numbers: :func:`unchecked` leaves out
checks that read a tensor's values, and :func:`drawn` moves draws in front of the replay.

A graph is captured by one thread at a time, on the stream that the thread computes on. The mode
"thread_local" lets other threads go on meanwhile; what they must not do is to synchronise the whole
device, so the engine waits for streams only. :class:`torch.cuda.graph` is not used because it does
just that, and gives memory back that the other threads would ask for again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Protocol

import torch
from torch import Size, Tensor

_capturing = threading.Lock()
_unchecked: ContextVar[bool] = ContextVar("unchecked", default=False)


class Graphs(Protocol):
    """A way to capture work on a device."""

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return a function that does the work again, at the same addresses in memory."""


class CudaGraphs:
    """Captures with torch's CUDA graphs."""

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        """Capture work that was done before on this thread's stream; it is not done now.

        Raises
        ------
        RuntimeError
            If the work cannot be captured. It may then still be done as it is.
        """
        with _capturing:
            torch.cuda.current_stream().synchronize()
            graph = torch.cuda.CUDAGraph()
            graph.capture_begin(capture_error_mode="thread_local")
            try:
                work()
            except BaseException:
                # The first error tells more than that of a capture that was left.
                with contextlib.suppress(RuntimeError):
                    graph.capture_end()
                raise
            graph.capture_end()
        return graph.replay


GRAPHS: dict[str, Graphs] = {"cuda": CudaGraphs()}
"""Type of device -> how work on it is captured; tests put a graph of the CPU here."""


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """Leave out checks that read the values of tensors, which would wait for the device."""
    token = _unchecked.set(True)
    try:
        yield
    finally:
        _unchecked.reset(token)


def is_unchecked() -> bool:
    """Return whether :func:`unchecked` holds for this thread."""
    return _unchecked.get()


class Draws:
    """The random numbers of a step, drawn in front of it in the order in which it asks for them."""

    def __init__(self) -> None:
        self._makes: list[Callable[[], Tensor]] = []
        self._held: list[Tensor] = []
        self._next: int | None = None  # None: noting what the step draws

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Note what a step draws while it draws it."""
        self._makes.clear()
        self._held.clear()
        with self._answering(None):
            yield

    @contextlib.contextmanager
    def handing_out(self) -> Iterator[None]:
        """Hand out the tensors that :meth:`refill` fills in place of drawing."""
        with self._answering(0):
            yield

    @contextlib.contextmanager
    def _answering(self, first: int | None) -> Iterator[None]:
        self._next = first
        token = _draws.set(self)
        try:
            yield
        finally:
            _draws.reset(token)

    def refill(self) -> None:
        """Draw the numbers of the next step; the generators move on as the step would move them."""
        for make, held in zip(self._makes, self._held, strict=True):
            held.copy_(make())

    def give(self, make: Callable[[], Tensor]) -> Tensor:
        """Return random numbers for a step."""
        if self._next is None:
            made = make()
            self._makes.append(make)
            self._held.append(torch.empty_like(made))
            return made
        self._next += 1
        return self._held[self._next - 1]


_draws: ContextVar[Draws | None] = ContextVar("draws", default=None)


def drawn(make: Callable[[], Tensor]) -> Tensor:
    """Return ``make()``, random numbers, or inside a captured step those drawn in front of it.

    ``make`` must depend on nothing but its generator and what is the same in every step. The result
    may be modified.
    """
    draws = _draws.get()
    return make() if draws is None else draws.give(make)


class Generators:
    """The random generators of several networks that are computed as one, in their order.

    Each draws for its own images, as many as it would draw alone.
    """

    def __init__(self, each: Sequence[torch.Generator]):
        self.each = tuple(each)


Source = torch.Generator | Generators
"""What draws the random numbers of a batch."""


def each_of(source: Source) -> tuple[torch.Generator, ...]:
    """Return the generators of a source, one for each network."""
    return (source,) if isinstance(source, torch.Generator) else source.each


def drawn_from(
    source: Source, shape: Size, make: Callable[[Size, torch.Generator], Tensor]
) -> Tensor:
    """Return ``make(shape, generator)``, random numbers of a batch, as :func:`drawn` does.

    Of several generators each draws its share of the batch's first axis.
    """
    if isinstance(source, torch.Generator):
        return drawn(lambda: make(shape, source))
    share = Size([shape[0] // len(source.each), *shape[1:]])
    return drawn(lambda: torch.cat([make(share, one) for one in source.each]))
