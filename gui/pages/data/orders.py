"""Orders of the gallery by what the study's records say of each image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Slot

from engine.specs import ClassAccuracy, ClassifierSpec, Measurement, SmallestEps
from engine.specs.distinguish import networks_apart
from engine.store.index import Entry
from engine.store.study import Record, Study, StudyError, spec_of
from engine.texts import one_line, shortened
from gui.session.workspace import Workspace
from gui.widgets.images.image_browser import ImageBrowser

LONGEST = 40  # letters of a network's name in the list of orders
Ranks = NDArray[np.floating]


@dataclass(frozen=True)
class Order:
    """An order of the test images: what the list calls it, what a rank is, where ranks are."""

    name: str
    rank: str
    array: str


ORDERS: dict[type, tuple[Order, ...]] = {
    SmallestEps: (Order("Smallest eps first", "Smallest eps that fools", "smallest_eps"),),
    ClassAccuracy: (
        Order("Most wrong first", "Margin of the true class", "margin"),
        Order("Most wrong under attack first", "Margin under attack", "attacked_margin"),
    ),
}


class GalleryOrders(QObject):
    """Offers a browser the orders that the newest records on the open images give.

    Each network of the study has an order of its own for each metric that ranks images.
    """

    def __init__(self, workspace: Workspace, browser: ImageBrowser):
        super().__init__(browser)
        self._workspace, self._browser = workspace, browser
        self._orders: dict[tuple[str, str], Order] = {}
        browser.order_asked.connect(self._read)
        workspace.record_added.connect(self._on_record)
        workspace.records_changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Offer what the study holds now."""
        study = self._workspace.study
        found = [] if study is None else list(self._found(study))
        names = self._names({spec.classifier.key: spec.classifier for _, spec in found})
        self._orders, offered = {}, []
        for entry, spec in found:
            for order in ORDERS[type(spec.metric)]:
                what = entry.key, order.array
                self._orders[what] = order
                offered.append((f"{order.name}: {names[spec.classifier.key]}", what))
        self._browser.offer_orders(offered)

    def _found(self, study: Study) -> Iterator[tuple[Entry, Measurement]]:
        """Yield the newest measurement of each network for each metric, on the open images."""
        images = self._workspace.images
        newest: dict[tuple[str, type], tuple[Entry, Measurement]] = {}
        for entry in study.entries if images is not None else ():
            spec = spec_of(entry) if entry.kind == Measurement.kind else None
            if not isinstance(spec, Measurement) or type(spec.metric) not in ORDERS:
                continue
            if spec.classifier.images == images:
                newest[spec.classifier.key, type(spec.metric)] = entry, spec
        yield from newest.values()

    def _names(self, networks: dict[str, ClassifierSpec]) -> dict[str, str]:
        known = {entry.key: entry.title for entry, _ in self._workspace.classifiers()}
        titles = [known.get(key, spec.title) for key, spec in networks.items()]
        apart = networks_apart(titles, list(networks.values()))
        return {
            key: shortened(one_line(name), LONGEST)
            for key, name in zip(networks, apart, strict=True)
        }

    @Slot(object)
    def _read(self, what: tuple[str, str] | None) -> None:
        """Read the ranks on a lane."""
        study, image_set = self._workspace.study, self._workspace.image_set
        order = self._orders.get(what) if what is not None else None
        if study is None or image_set is None or what is None or order is None:
            self._browser.show_ranks(None)
            return
        labels = image_set.test_labels

        def work(_: Any) -> Ranks:
            return ranks_of(study.read(what[0]), order.array, labels)

        def done(ranks: Ranks) -> None:
            if self._browser.order.currentData() == what:
                self._browser.show_ranks(ranks, order.rank)

        def failed(text: str) -> None:
            self._workspace.message.emit(text, True)

        self._workspace.runner.ask("gallery order", work, done, failed)

    @Slot(object)
    def _on_record(self, entry: Entry) -> None:
        if entry.kind == Measurement.kind:
            self.refresh()


def ranks_of(record: Record, array: str, labels: NDArray[np.int64]) -> Ranks:
    """Return a rank for each of the first test images, NaN for those without one.

    Parameters
    ----------
    labels
        (N,) of all test images; accuracies by class leave out those without a label, -1.

    Raises
    ------
    StudyError
        If the record does not hold a rank for each image that it was measured on.
    """
    found = record.arrays.get(array)
    count = min(int(record.numbers.get("test_images", 0)), len(labels))
    places = np.arange(count)
    if array != "smallest_eps":
        places = np.flatnonzero(labels[:count] >= 0)
    if found is None or found.ndim != 1 or len(found) != len(places):
        raise StudyError(f"{record.entry.title} does not tell the images apart that are open")
    ranks = np.full(count, np.nan)
    ranks[places] = found
    return ranks
