"""The tab that shows the maps of one image over the epochs of every chosen network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import QSize, Slot
from PySide6.QtGui import QPixmap, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine.attribution import pictures
from engine.figures.charts import FigureError, MapGridData
from engine.figures.images.film import (
    KEPT,
    Film,
    attack_of,
    epoch_name,
    film_grid,
    film_of,
    spread,
)
from engine.specs import Training
from engine.texts import wrapped
from gui.look.icons import of_colour
from gui.pages.common.network_picker import NetworkPicker
from gui.pages.maps.columns import Drawing
from gui.pages.maps.controls import DrawingChoice
from gui.pages.maps.grid import MapCell, MapHeading, MapsGrid
from gui.session.class_names import ClassNames
from gui.session.networks import Network
from gui.session.workspace import Workspace
from gui.widgets.elided_label import Elided
from gui.widgets.export.buttons import export_buttons
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.number_boxes import CountBox
from gui.widgets.forms.number_edit import guard_wheel
from gui.widgets.images.image_view import image_from, pixels_of
from gui.widgets.label import Label

EPOCHS, MOST_EPOCHS = 8, 60
SMALLEST_CELL = 88
ICON = 28
LEAST_IMAGE = 140  # pixels of the list: the icon, and some letters of a name
KEPT_RECORDS = 8
NAME_LETTERS = 16
WANTED = (*KEPT, "probes/labels", "epochs/step", "epochs/clean_accuracy", "epochs/robust_accuracy")
Arrays = Mapping[str, Any]


class FilmTab(QWidget):
    """A row of maps for each network, from before the training to its last epoch.

    The maps are those that training records keep, of a few test images; nothing is computed. Rows
    have the settings of the page's drawing, where one scale is one for a network.
    """

    def __init__(
        self,
        workspace: Workspace,
        picker: NetworkPicker,
        drawing: DrawingChoice,
        names: ClassNames,
        parent: QWidget,
    ):
        super().__init__(parent)
        self._workspace, self._picker = workspace, picker
        self._drawing, self._names = drawing, names
        self._arrays: OrderedDict[str, Arrays] = OrderedDict()
        self._failures: dict[str, str] = {}
        self._stale = True
        self._build()
        picker.changed.connect(self.refresh)
        names.changed.connect(self.refresh)
        workspace.study_changed.connect(self._forget)
        drawing.changed.connect(self.draw)

    def _build(self) -> None:
        self.image = ElidedCombo()
        self.image.setIconSize(QSize(ICON, ICON))
        self.image.setMinimumWidth(LEAST_IMAGE)
        self.image.setToolTip("The test images of which maps were kept while training")
        self.epochs = CountBox()
        self.epochs.setRange(2, MOST_EPOCHS)
        self.epochs.setValue(EPOCHS)
        self.epochs.setToolTip("How many maps to show at most, evenly spread, first and last too")
        for widget in (self.image, self.epochs):
            guard_wheel(widget)
        self.note = Elided(
            "Below each map: accuracy on test images as they are / under attack, after the epoch."
        )
        self.note.setProperty("role", "muted")
        bar = QHBoxLayout()
        bar.setSpacing(8)
        for text, box in (("Image", self.image), ("Maps", self.epochs)):
            label = Label(text)
            label.setBuddy(box)
            bar.addWidget(label)
            bar.addWidget(box)
        bar.addWidget(self.note, 1)
        self._exports = export_buttons(self, self.figure, "maps-over-epochs")
        for button in self._exports:
            button.setEnabled(False)
            bar.addWidget(button)
        self.grid = MapsGrid(smallest=SMALLEST_CELL)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(bar)
        layout.addWidget(self.grid, 1)
        self.image.currentIndexChanged.connect(self.draw)
        self.epochs.valueChanged.connect(self.draw)

    # ------------------------------------------------------------------------------------ reading

    @Slot()
    def refresh(self) -> None:
        """Read the records that are not here yet, unless the tab is out of sight."""
        self._stale = not self.isVisible()
        if self._stale:
            return
        self._failures.clear()
        missing = [one for one in self._picker.networks if one.key not in self._arrays]
        for network in missing:
            self._read(network.key)
        if not missing:
            self.draw()

    def showEvent(self, event: QShowEvent) -> None:
        """Read what changed out of sight."""
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def _read(self, key: str) -> None:
        study = self._workspace.study
        if study is None:
            return

        def work(_: Any) -> Arrays:
            arrays = study.read(key).arrays
            return {name: arrays[name] for name in WANTED if name in arrays}

        done, failed = partial(self._take, key), partial(self._fail, key)
        self._workspace.runner.ask(f"film/{key}", work, done, failed)

    def _take(self, key: str, arrays: Arrays) -> None:
        self._arrays[key] = arrays
        while len(self._arrays) > KEPT_RECORDS:
            self._arrays.popitem(last=False)
        self._draw_when_complete()

    def _fail(self, key: str, text: str) -> None:
        self._failures[key] = text
        self._draw_when_complete()

    def _draw_when_complete(self) -> None:
        known = self._arrays.keys() | self._failures.keys()
        if all(network.key in known for network in self._picker.networks):
            self.draw()

    @Slot()
    def _forget(self) -> None:
        self._arrays.clear()
        self.refresh()

    # ------------------------------------------------------------------------------------ drawing

    def films(self) -> list[tuple[Network, Film | None, str]]:
        """Return the film of each chosen network; where there is none, the reason."""
        first = self._first()
        found: list[tuple[Network, Film | None, str]] = []
        for network in self._picker.networks:
            arrays = self._arrays.get(network.key)
            reason = self._failures.get(network.key, "…")
            film = None
            if arrays is not None:
                film, reason = self._film(arrays, first)
            found.append((network, film, reason))
        return found

    def _film(self, arrays: Arrays, first: Arrays | None) -> tuple[Film | None, str]:
        place = max(0, self.image.currentIndex())
        if first is not None and not _same_images(arrays, first):
            return None, "trained on other images"
        try:
            whole = len(arrays.get("probes/steps", ()))
            return film_of(arrays, place, spread(whole, self.epochs.value())), ""
        except FigureError as error:
            return None, str(error)

    def _first(self) -> Arrays | None:
        """Return the arrays of the first network that keeps maps; its images are offered."""
        known = (self._arrays.get(network.key) for network in self._picker.networks)
        kept = (arrays for arrays in known if arrays is not None)
        return next((one for one in kept if all(name in one for name in KEPT)), None)

    @Slot()
    def draw(self) -> None:
        """Draw the films of the chosen networks."""
        self._offer_images()
        films = self.films()
        length = max((len(film.steps) for _, film, _ in films if film is not None), default=0)
        longest = (f.steps for _, f, _ in films if f is not None and len(f.steps) == length)
        steps = next(longest, np.empty(0))
        alike = all(
            np.array_equal(film.steps, steps[: len(film.steps)])
            for _, film, _ in films
            if film is not None
        )
        methods = {_method(network) for network, film, _ in films if film is not None}
        method = methods.pop() if len(methods) == 1 else ""
        headings = [MapHeading("Network", method)]
        headings += [MapHeading(epoch_name(step) if alike else "") for step in steps]
        drawing = self._drawing.drawing
        rows = [_row(*item, length, drawing, alike=alike, one=bool(method)) for item in films]
        self.grid.show_table(headings, rows)
        for button in self._exports:
            button.setEnabled(bool(length))

    def _offer_images(self) -> None:
        """Offer the images that were probed, each with its class."""
        first = self._first()
        images = [] if first is None else list(first["probes/images"])
        labels = [] if first is None else [int(label) for label in first.get("probes/labels", ())]
        networks = self._picker.networks
        names = self._names.of(networks[0].spec.images) if networks else ()
        texts = [
            names[label] if 0 <= label < len(names) else str(label)
            for label in (labels or range(len(images)))
        ]
        before = [self.image.itemText(row) for row in range(self.image.count())]
        if texts == before:
            return
        chosen = max(0, self.image.currentIndex())
        self.image.blockSignals(True)
        self.image.clear()
        for image, text in zip(images, texts, strict=False):
            picture = QPixmap.fromImage(image_from(pixels_of(image)).scaled(ICON, ICON))
            self.image.addItem(of_colour(picture), text)
        self.image.setCurrentIndex(min(chosen, len(images) - 1))
        self.image.blockSignals(False)

    def figure(self) -> MapGridData:
        """Return the films as rows of a figure."""
        found = [(network, film) for network, film, _ in self.films() if film is not None]
        films = [(network.title, film) for network, film in found]
        drawing = self._drawing.drawing
        return film_grid(
            films,
            percentile=drawing.percentile,
            colormap=drawing.colormap,
            shared=drawing.shared,
            attack=attack_of(network.spec for network, _ in found),
        )


def _row(
    network: Network,
    film: Film | None,
    reason: str,
    length: int,
    drawing: Drawing,
    *,
    alike: bool,
    one: bool,
) -> list[MapCell]:
    """Return the cells of a network: the image, then its maps; the reason if there are none.

    ``alike`` says whether the headings name the epochs, ``one`` whether they name the method.
    """
    if film is None:
        rest = [MapCell() for _ in range(max(0, length))]
        return [MapCell(note=network.title, missing=reason), *rest]
    values = film.values(percentile=drawing.percentile, shared=drawing.shared)
    words = [*wrapped(network.title, NAME_LETTERS), *([] if one else [_method(network)])]
    cells = [MapCell(pixels_of(film.image), "\n".join(words))]
    for place, drawn in enumerate(values):
        note = film.note(place)
        if not alike:
            note = "\n".join(filter(None, [epoch_name(film.steps[place]), note]))
        pixels = pictures.colour(drawn, drawing.colormap)
        cells.append(MapCell(pixels, note, describe=_describe(film, place), values=drawn))
    return [*cells, *[MapCell() for _ in range(length - len(values))]]


def _describe(film: Film, place: int) -> Any:
    def describe(y: int, x: int) -> str:
        value = float(film.attributions[place, :, y, x].sum())
        return f"{epoch_name(film.steps[place])}, row {y}, column {x}: {value:+.4g}"

    return describe


def _method(network: Network) -> str:
    """Return which maps a network's record keeps, in words."""
    spec = network.spec
    kept = spec.live_maps if isinstance(spec, Training) else None
    return "Gradient" if kept is None else kept.title


def _same_images(arrays: Arrays, first: Arrays) -> bool:
    name = "probes/images"
    return name not in arrays or np.array_equal(arrays[name], first[name])
