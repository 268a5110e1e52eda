"""The order of the images by the smallest eps that fools a network, for the strip of images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Slot

from engine.specs import Measurement, SmallestEps
from engine.store.index import Entry
from engine.store.study import Study, spec_of
from engine.texts import one_line, shortened
from gui.pages.common.network_picker import NetworkPicker
from gui.session.networks import Network
from gui.session.workspace import Workspace
from gui.widgets.images.image_strip import ImageStrip

LONGEST = 24  # letters of a network's name in the list of orders


class SmallestOrder(QObject):
    """Offers the order in a strip as long as the study holds it for a chosen network.

    Of several chosen networks the first one with a measurement counts, and of its measurements the
    newest, on the images that are open.
    """

    def __init__(self, workspace: Workspace, picker: NetworkPicker, strip: ImageStrip):
        super().__init__(strip)
        self._workspace, self._picker, self._strip = workspace, picker, strip
        self._shown = ""
        picker.changed.connect(self.refresh)
        workspace.images_changed.connect(self.refresh)
        workspace.record_added.connect(self._on_record)
        workspace.records_changed.connect(self.refresh)
        workspace.study_changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Read the values on a lane if others are to be shown than before."""
        study = self._workspace.study
        found = None if study is None else self._newest(study)
        if study is None or found is None:
            self._shown = ""
            self._strip.set_ranks(None)
            return
        entry, network = found
        if entry.key == self._shown:
            return
        self._shown = entry.key

        def work(_: Any) -> NDArray[np.floating]:
            return np.asarray(study.read(entry.key).arrays["smallest_eps"], dtype=np.float64)

        def done(ranks: NDArray[np.floating]) -> None:
            name = shortened(one_line(network.title), LONGEST)
            self._strip.set_ranks(ranks, f"Smallest eps first: {name}")

        def failed(text: str) -> None:
            self._strip.set_ranks(None)
            self._workspace.message.emit(text, True)

        self._workspace.runner.ask("smallest eps", work, done, failed)

    def _newest(self, study: Study) -> tuple[Entry, Network] | None:
        images = self._workspace.images
        networks = {n.key: n for n in self._picker.networks if n.spec.images == images}
        newest: dict[str, Entry] = {}
        for entry in study.entries if networks else ():
            spec = spec_of(entry) if entry.kind == Measurement.kind else None
            if isinstance(spec, Measurement) and isinstance(spec.metric, SmallestEps):
                newest[spec.classifier.key] = entry
        return next(((newest[key], n) for key, n in networks.items() if key in newest), None)

    @Slot(object)
    def _on_record(self, entry: Entry) -> None:
        if entry.kind == Measurement.kind:
            self.refresh()
