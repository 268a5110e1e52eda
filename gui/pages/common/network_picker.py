"""The networks of the study as a list of check boxes, with one colour each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLayout, QListWidget, QListWidgetItem, QStyle, QVBoxLayout, QWidget

from engine.specs import Measurement
from engine.store.index import Entry
from engine.texts import folded, percent
from engine.tradeoff.robustness import Robustness, robustness
from engine.tradeoff.scores import VERDICTS, robust_words
from gui.look import theme
from gui.look.icons import of_colour
from gui.look.plain import plain_tip
from gui.session.networks import Network
from gui.session.workspace import Workspace
from gui.widgets.label import Label
from gui.widgets.search_field import SearchField

KEY = Qt.ItemDataRole.UserRole
MANY = 8
LEAST_ROWS = 3
MOST_TALL = 60
SPACING = 2  # px around a row, as some have three lines
PAD = 8  # px, that the style leaves around check box and icon
# Where a line may end: not before "%" and what it counts, nor between a norm and its radius.
UNBROKEN = re.compile(r" (?!%|robust|clean|L-inf|L2|[\d.]+(?:/255)?(?:[ )]|$))")


class NetworkPicker(QWidget):
    """Lets the user choose the networks that a page shows.

    Networks trained on the workspace's images come first; networks for images of another shape are
    left out.

    Parameters
    ----------
    most
        How many may be chosen; choosing one more drops the one that was chosen first.
    at_first
        How many to choose until the user chooses any, spread evenly over the list.
    """

    changed = Signal()
    filled = Signal()

    def __init__(
        self, workspace: Workspace, most: int = 4, at_first: int = 2, parent: QWidget | None = None
    ):
        super().__init__(parent)
        self.workspace = workspace
        self.most = most
        self._at_first = at_first
        self._networks: dict[str, Network] = {}
        self._chosen: list[str] = []
        self._touched = False
        self._known: dict[str, Robustness] = {}
        self._stale = True
        self._build()
        workspace.study_changed.connect(self._start_over)
        workspace.images_changed.connect(self.refresh)
        workspace.record_added.connect(self._record_added)
        workspace.records_changed.connect(self.refresh)
        workspace.selected.connect(self.choose)
        workspace.highlighted.connect(self._highlight)
        theme.signals.changed.connect(self._recolour)
        self.refresh()
        workspace.openings.remember(
            self, lambda: self._chosen if self._touched else [], self.choose_these
        )

    @property
    def networks(self) -> list[Network]:
        """The chosen networks, in the order of the list."""
        chosen = set(self._chosen)
        return [network for key, network in self._networks.items() if key in chosen]

    @property
    def available(self) -> int:
        """Number of networks in the list."""
        return len(self._networks)

    def series(self, key: str) -> int:
        """Return the number of a network's colour, for :func:`gui.look.theme.series`."""
        return self.workspace.colours.series(key)

    @Slot(str)
    def choose(self, key: str) -> None:
        """Add a network to the chosen ones; ignore keys that are not in the list."""
        if key in self._networks and key not in self._chosen:
            self._touched = True
            self._set_chosen([*self._chosen, key])
            self._show_row(key)

    def _show_row(self, key: str) -> None:
        for row in range(self.list.count()):
            if self.list.item(row).data(KEY) == key:
                self.list.scrollToItem(self.list.item(row))

    def choose_only(self, key: str) -> None:
        """Choose one network of the list and no other; ignore keys that are not in the list."""
        if key in self._networks:
            self._touched = True
            self._set_chosen([key])

    def choose_these(self, keys: Sequence[str]) -> None:
        """Choose these networks and no others; do nothing if none of them is in the list."""
        known = [key for key in keys if key in self._networks]
        if known and set(known) != set(self._chosen):
            self._touched = True
            self._set_chosen(known)

    def remembered(self) -> list[str] | None:
        """Return the keys that the user chose; None while the choice is the proposed one."""
        return [network.key for network in self.networks] if self._touched else None

    def recall(self, keys: Sequence[str]) -> None:
        """Choose these networks, as far as the study still has them."""
        known = [str(key) for key in keys if key in self._networks]
        if known or not keys:
            self._touched = True
            self._set_chosen(known)

    @Slot()
    def choose_all(self) -> None:
        """Choose the networks that the search does not hide, at most ``most`` of them."""
        self._touched = True
        self._set_chosen(self.shown_keys())

    def shown_keys(self) -> list[str]:
        """Return the keys of the networks that the search does not hide, at most ``most``."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [item.data(KEY) for item in items if not item.isHidden()][: self.most]

    # ------------------------------------------------------------------------------------ building

    def _build(self) -> None:
        self.search = SearchField("Search networks")
        self.search.textChanged.connect(self._search)
        self.list = QListWidget()
        self.list.setAccessibleName("Networks")
        self.list.setToolTip(plain_tip(f"Check up to {self.most} networks"))
        self.list.setMouseTracking(True)
        self.list.setIconSize(QSize(12, 12))
        self.list.setSpacing(SPACING)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Names often differ at their end.
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.itemChanged.connect(self._checked)
        self.list.itemEntered.connect(self._entered)
        self.list.viewport().installEventFilter(self)
        self.empty = Label("There is no network for these images yet.", wordWrap=True)
        self.empty.setProperty("role", "muted")
        self.empty.setMaximumHeight(3 * self.fontMetrics().height())  # the form follows it
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        # As tall as the list at most, so that the height left over goes to what is below.
        layout.setSizeConstraint(QLayout.SizeConstraint.SetMinAndMaxSize)
        for widget in (self.search, self.list, self.empty):
            layout.addWidget(widget)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the highlight away when the mouse leaves the list; fit lines to a new width."""
        if isinstance(event, QResizeEvent) and event.size().width() != event.oldSize().width():
            self._reflow()
        if event.type() == QEvent.Type.Leave:
            self.workspace.highlighted.emit("")
        return super().eventFilter(watched, event)

    # -------------------------------------------------------------------------- available networks

    @Slot()
    def _start_over(self) -> None:
        self._chosen, self._touched = [], False
        self.refresh()

    @Slot(object)
    def _record_added(self, entry: Entry) -> None:
        if entry.kind in ("training", "imported"):
            self.refresh()
        elif entry.kind == Measurement.kind:  # it may say more about how robust a network is
            self._stale = True
            if self.isVisible():
                self._fill()

    @Slot()
    def refresh(self) -> None:
        """Read the study's networks again; emit ``changed`` if the choice or its titles changed."""
        before = [(network.key, network.title) for network in self.networks]
        self._networks = {network.key: network for network in self.workspace.networks.usable()}
        self._chosen = [key for key in self._chosen if key in self._networks]
        if not self._touched or not self._chosen:
            self._chosen = _spread(self._own(), min(self._at_first, self.most))
        # Fill only the visible list: several pages have one, and a study may have thousands of
        # networks.
        self._stale = True
        if self.isVisible():
            self._fill()
        if [(network.key, network.title) for network in self.networks] != before:
            self.changed.emit()

    def _own(self) -> list[str]:
        """Return the keys of the networks of the current images, or of all if there is none."""
        images, found = self.workspace.images, self._networks
        return [key for key in found if found[key].spec.images == images] or list(found)

    # -------------------------------------------------------------------------------------- showing

    def showEvent(self, event: QShowEvent) -> None:
        """Fill the list, if it is out of date."""
        super().showEvent(event)
        if self._stale:
            self._fill()

    def _fill(self) -> None:
        self._stale = False
        self.list.blockSignals(True)
        self.list.clear()
        study = self.workspace.study
        self._known = robustness(study) if study is not None else {}
        for network in self._networks.values():
            found = self._known.get(network.key)
            item = QListWidgetItem(self._text(network, found))
            item.setData(KEY, network.key)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            words = "" if found is None else robust_words(found)
            item.setToolTip(plain_tip("\n".join(filter(None, [self._text(network, found), words]))))
            self.list.addItem(item)
        self.list.blockSignals(False)
        self._show_chosen()
        self.search.setVisible(len(self._networks) > MANY)
        self.list.setVisible(bool(self._networks))
        self._fit_list()
        self.empty.setVisible(not self._networks)
        self.filled.emit()

    def _fit_list(self) -> None:
        """Let the list be as tall as its rows, where there is room, and at least a few of them."""
        rows = [
            self.list.sizeHintForRow(row) + 2 * SPACING
            for row in range(min(self.list.count(), MOST_TALL))
        ]
        whole, frame = sum(rows), 2 * self.list.frameWidth()
        self.list.setMinimumHeight(min(whole, sum(rows[:LEAST_ROWS])) + frame)
        self.list.setMaximumHeight(whole + frame)

    def _facts(self, network: Network, found: Robustness | None) -> list[str]:
        """Return what the list says of a network below its name, in parts that stay whole."""
        numbers, parts = network.entry.numbers, []
        if "clean_accuracy" in numbers:
            parts.append(f"{percent(float(numbers['clean_accuracy']))} clean")
        if found is not None and found.lowest is not None:
            robust = f"{percent(found.lowest.accuracy)} robust"
            parts.append(f"{robust} at {found.threat}" if found.threat else robust)
            if found.verdict != "ok":
                parts[-1] += f" ({VERDICTS[found.verdict]})"
        if self.workspace.images is not None and network.spec.images != self.workspace.images:
            parts.append(f"trained on {network.spec.images.title}")
        return parts

    def _text(self, network: Network, found: Robustness | None) -> str:
        """Return the name of a network and its facts, in lines that the list has room for."""
        style, metrics = self.list.style(), self.list.fontMetrics()
        margin = 2 * (style.pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin) + 1)
        box = style.pixelMetric(QStyle.PixelMetric.PM_IndicatorWidth)
        room = self.list.viewport().width() - box - self.list.iconSize().width() - 3 * margin - PAD
        return "\n".join(
            [network.title, *lines_of(self._facts(network, found), room, metrics.horizontalAdvance)]
        )

    def _reflow(self) -> None:
        """Break the lines anew, as the list has become wider or narrower."""
        self.list.blockSignals(True)
        for row, network in zip(range(self.list.count()), self._networks.values(), strict=False):
            self.list.item(row).setText(self._text(network, self._known.get(network.key)))
        self.list.blockSignals(False)
        self._fit_list()

    def _show_chosen(self) -> None:
        self.list.blockSignals(True)
        plain = _chip(theme.colour("border"))
        for row in range(self.list.count()):
            item = self.list.item(row)
            key = item.data(KEY)
            if key in self._chosen:
                item.setCheckState(Qt.CheckState.Checked)
                item.setIcon(_chip(theme.series(self.series(key))))
            else:
                item.setCheckState(Qt.CheckState.Unchecked)
                item.setIcon(plain)
        self.list.blockSignals(False)

    @Slot()
    def _recolour(self) -> None:
        self._show_chosen()

    @Slot(str)
    def _search(self, text: str) -> None:
        wanted = folded(text)
        for row in range(self.list.count()):
            item = self.list.item(row)
            item.setHidden(wanted not in folded(item.text()))

    # ------------------------------------------------------------------------------------- choosing

    @Slot(QListWidgetItem)
    def _checked(self, item: QListWidgetItem) -> None:
        key = item.data(KEY)
        self._touched = True
        others = [other for other in self._chosen if other != key]
        checked = item.checkState() == Qt.CheckState.Checked
        self._set_chosen([*others, key] if checked else others)

    def _set_chosen(self, keys: list[str]) -> None:
        self._chosen = keys[-self.most :]
        self._show_chosen()
        self.changed.emit()

    @Slot(QListWidgetItem)
    def _entered(self, item: QListWidgetItem) -> None:
        self.workspace.highlighted.emit(item.data(KEY))

    @Slot(str)
    def _highlight(self, key: str) -> None:
        for row in range(self.list.count()):
            item = self.list.item(row)
            item.setSelected(bool(key) and item.data(KEY) == key)


def lines_of(parts: Sequence[str], room: int, width: Callable[[str], int]) -> list[str]:
    """Return parts as lines: side by side where they fit, and broken at spaces where one does not.

    A number stays beside its unit, and a radius beside its norm.

    Parameters
    ----------
    room
        Pixels that a line has.
    width
        Function that returns the pixels of a text.
    """
    lines: list[str] = []
    for part in parts:
        if lines and width(f"{lines[-1]}, {part}") <= room:
            lines[-1] = f"{lines[-1]}, {part}"
            continue
        if lines:
            lines[-1] += ","
        lines.append("")
        for word in UNBROKEN.split(part):
            joined = f"{lines[-1]} {word}".strip()
            if lines[-1] and width(joined) > room:
                lines.append(word)
            else:
                lines[-1] = joined
    return lines


def _spread(keys: list[str], count: int) -> list[str]:
    """Return ``count`` keys, evenly spaced from the first to the last."""
    if len(keys) <= count:
        return keys
    steps = max(1, count - 1)
    return [keys[round(place * (len(keys) - 1) / steps)] for place in range(count)]


def _chip(colour: QColor) -> QIcon:
    picture = QPixmap(24, 24)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(2, 2, 20, 20)
    painter.end()
    return of_colour(picture)
