"""The data of each network on the Train page: its curves and maps, updated by events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.jobs.events import Ended, Event, ProbeMaps, Queued, Scalars, Started
from engine.store.study import Study, StudyError
from engine.texts import folded
from gui.pages.common.growing_curve import CurvePoints, GrowingCurve
from gui.queue.job import JobState

Maps = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]

CURVES = ("loss", "clean_accuracy", "robust_accuracy")
READ = ("curve/", "epochs/", "probes/")
STORED = {"loss": "curve", "clean_accuracy": "epochs", "robust_accuracy": "epochs"}


def smoothed(values: CurvePoints, width: int) -> CurvePoints:
    """Return the trailing moving average over at most ``width`` values; NaNs are skipped."""
    if width <= 1 or len(values) < 2:
        return values
    finite = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(finite)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - width)
    number = counts[ends] - counts[starts]
    with np.errstate(invalid="ignore"):
        return np.asarray((sums[ends] - sums[starts]) / np.where(number, number, np.nan))


def matches(title: str, pattern: str) -> bool:
    """Return whether a title has all words of a pattern and none that begins with a minus.

    Letters may be large or small; * and ? stand for any letters and for one.
    """
    text = folded(title)
    for word in folded(pattern).split():
        bare = word.removeprefix("-")
        wanted = bare.replace("[", "[[]")
        if bare and fnmatchcase(text, f"*{wanted}*") == (bare != word):
            return False
    return True


@dataclass
class TrainingRun:
    """One network: title, state, curves, and maps by epoch.

    Attributes
    ----------
    series
        The number of its colour.
    offset
        Epochs that its initial weights were trained for; its curves begin there.
    images
        uint8 (N, C, H, W), the probe images; None before the first maps.
    maps
        float32 (N, C, H, W) attributions by epoch.
    drawn, mapped
        Whether the screen shows the present curves, or maps.
    """

    key: str
    title: str
    series: int = 0
    offset: float = 0.0
    state: JobState = "waiting"
    curves: dict[str, GrowingCurve] = field(
        default_factory=lambda: {name: GrowingCurve() for name in CURVES}
    )
    images: NDArray[np.uint8] | None = None
    maps: dict[float, Maps] = field(default_factory=dict)
    latest: tuple[float, Maps] | None = None
    drawn: bool = False
    mapped: bool = False

    @property
    def shown(self) -> bool:
        """Whether there is anything to draw."""
        return self.latest is not None or any(len(curve) for curve in self.curves.values())

    def maps_at(self, step: float | None) -> tuple[float, Maps] | None:
        """Return the maps of the last epoch up to ``step``, and that epoch; the newest for None.

        If all maps are of later epochs, return the earliest.
        """
        if step is None or not self.maps:
            return self.latest
        before = [known for known in self.maps if known <= step]
        chosen = max(before) if before else min(self.maps)
        return chosen, self.maps[chosen]

    def take(self, event: Event) -> None:
        """Update the state, curves or maps from an event."""
        match event:
            case Started():
                self.state = "running"
            case Scalars():
                self._take_scalars(event)
            case ProbeMaps():
                self._take_maps(event)
            case Ended():
                self.state = event.outcome
                self.drawn = self.mapped = False

    def _take_scalars(self, event: Scalars) -> None:
        for name in CURVES:
            if name in event.values:
                self.curves[name].append(event.step, event.values[name])
        self.drawn = False
        if "clean_accuracy" in event.values:
            self.mapped = False  # the maps' label names the newest accuracies

    def _take_maps(self, event: ProbeMaps) -> None:
        self.images = event.images
        self.latest = (event.step, event.attributions)
        if float(event.step).is_integer():
            self.maps[event.step] = event.attributions
        self.mapped = False

    def take_record(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Replace the curves and maps by those of a training record."""
        for name, group in STORED.items():
            steps, values = arrays.get(f"{group}/step"), arrays.get(f"{group}/{name}")
            if steps is not None and values is not None:
                self.curves[name].replace(steps, values)
        if "probes/attributions" in arrays:
            self.images = np.asarray(arrays["probes/images"])
            maps = np.asarray(arrays["probes/attributions"], dtype=np.float32)
            steps_of_maps = np.asarray(arrays["probes/steps"], dtype=np.float64)
            self.maps = dict(zip(steps_of_maps.tolist(), maps, strict=True))
            if self.maps:
                last = max(self.maps)
                self.latest = (last, self.maps[last])
        self.state = "finished"
        self.drawn = self.mapped = False


class Runs:
    """The networks of the page by key, in the order in which they were added.

    Parameters
    ----------
    series
        Returns the number of a network's colour; by default each gets the first free one.
    """

    def __init__(self, series: Callable[[str], int] | None = None) -> None:
        self._series = series
        self._runs: dict[str, TrainingRun] = {}

    def __iter__(self) -> Iterator[TrainingRun]:
        return iter(self._runs.values())

    def __contains__(self, key: object) -> bool:
        return key in self._runs

    def __len__(self) -> int:
        return len(self._runs)

    def get(self, key: str) -> TrainingRun | None:
        """Return a network, or None."""
        return self._runs.get(key)

    def add(self, key: str, title: str) -> TrainingRun:
        """Return the network of a key; create it if necessary."""
        if key not in self._runs:
            series = self._free_series() if self._series is None else self._series(key)
            self._runs[key] = TrainingRun(key, title, series)
        return self._runs[key]

    def remove(self, key: str) -> None:
        """Forget a network."""
        self._runs.pop(key, None)

    def take(self, event: Event) -> TrainingRun | None:
        """Update the network that an event is about and return it; None for other events."""
        if isinstance(event, Queued | Started) and event.kind == "training":
            self.add(event.key, event.title)
        run = self._runs.get(event.key)
        if run is not None:
            run.take(event)
        return run

    def _free_series(self) -> int:
        taken = {run.series for run in self._runs.values()}
        return next(place for place in range(len(taken) + 1) if place not in taken)


def histories(study: Study, keys: Iterable[str], control: Any) -> dict[str, Arrays]:
    """Return the curves and maps of training records; skip records that cannot be read."""
    found: dict[str, Arrays] = {}
    for key in keys:
        control.check()
        try:
            arrays = study.read(key).arrays
        except StudyError:
            continue
        found[key] = {
            name: np.asarray(array) for name, array in arrays.items() if name.startswith(READ)
        }
    return found
