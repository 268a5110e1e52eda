"""The paper's correlations beside ours, as a table that can be copied and saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from engine.figures.cells import csv_lines, tab_lines
from engine.store.outputs import output
from engine.tradeoff import comparison
from engine.tradeoff.points import MODES, NetworkPoint, attributions_in, groups
from gui.look.keys import native
from gui.look.plain import plain_tip
from gui.widgets.export.actions import ask, folder_of, say, went_to
from gui.widgets.label import Label
from gui.widgets.number_table import Cell, NumberTable, TableRow
from gui.widgets.save_file import ask_save

NAMES = 3  # number of leading columns that identify the correlation


@dataclass(frozen=True)
class Comparison:
    """The content of the table.

    Attributes
    ----------
    rows
        Texts, headings first; empty if no group of networks has a correlation.
    variants
        Variants of the computation that our correlations come from, each once.
    by_blurriness, by_seed
        Whether there is any correlation at equal blurriness, and any within seeds.
    """

    rows: tuple[tuple[str, ...], ...] = ()
    variants: tuple[str, ...] = ()
    by_blurriness: bool = False
    by_seed: bool = False


def compare(points: Sequence[NetworkPoint]) -> Comparison:
    """Return each correlation of these networks with the published one and its variant."""
    found = comparison.rows(points)
    if not found:
        return Comparison()
    variants = _variants(points)
    heading, *texts = comparison.table(found)
    own = [variants.get((row.score, row.group), "") for row in found]
    rows = [(*text, variant or "-") for text, variant in zip(texts, own, strict=True)]
    return Comparison(
        ((*heading, "variant"), *rows),
        tuple(dict.fromkeys(filter(None, own))),
        any(row.at_equal_blurriness is not None for row in found),
        any(row.seeds > 1 for row in found),
    )


def _variants(points: Sequence[NetworkPoint]) -> dict[tuple[str, str], str]:
    """Return the variants of each group's networks, joined by "and", by score and group."""
    return {
        (f"{mode.upper()} {kind}", group.name): " and ".join(
            dict.fromkeys(point.variant for point in group.points if point.variant)
        )
        for mode in MODES
        for kind in attributions_in(points)
        for group in groups(points, mode, kind, "strength")
    }


def as_tsv(found: Comparison) -> str:
    """Return the table as tab-separated values, for pasting into a spreadsheet."""
    return tab_lines(found.rows)


def as_csv(found: Comparison) -> str:
    """Return the table as comma separated values."""
    return csv_lines(found.rows)


class ComparisonPanel(QWidget):
    """The table "published | ours", a note about it, and buttons to copy and export it."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.found = Comparison()
        self.table = NumberTable("Published and ours")
        self.table.setToolTip(
            plain_tip(
                "r: Pearson, rank: Spearman correlation. Networks by the norm of the attacks that\n"
                "they were trained on, and by what these raise: cross-entropy or margin.\n"
                "Published on CIFAR-10 with 21 networks a group.\n"
                f"A click on a column sorts, {native('copy')} copies."
            )
        )
        self.note = Label(wordWrap=True)
        self.note.setProperty("role", "muted")
        self.copy = QToolButton()
        self.copy.setText("Copy")
        self.copy.setToolTip("Copy the table, its columns divided by tabs")
        self.copy.clicked.connect(self._copy)
        self.save = QToolButton()
        self.save.setText("Export CSV…")
        self.save.setToolTip("Save the table as comma separated values")
        self.save.clicked.connect(self._choose_path)
        self._build_layout()
        self.show_rows(self.found)

    def show_rows(self, found: Comparison) -> None:
        """Show a comparison, or why there is none."""
        self.found = found
        self.note.setText(self._sentence(found))
        for button in (self.copy, self.save):
            button.setEnabled(bool(found.rows))
        self.table.setVisible(bool(found.rows))
        if found.rows:
            heading, *rows = found.rows
            cells = [tuple(map(_cell, range(len(row)), row)) for row in rows]
            self.table.set_rows(
                heading, [TableRow(str(place), row) for place, row in enumerate(cells)]
            )

    def save_to(self, path: Path) -> None:
        """Write the table to a CSV file on a lane, and report the outcome."""
        text = as_csv(self.found)

        def work(_: Any) -> Path:
            try:
                with output(path) as temporary:
                    temporary.write_text(text, encoding="utf-8")
            except OSError as error:
                raise ValueError(f"{path} cannot be written: {error.strerror}") from error
            return path

        def done(saved: Path) -> None:
            went_to(self, saved.parent)
            say(self, f"Saved {saved}")

        ask(self, f"save {path}", work, done, lambda text: say(self, text, error=True))

    # ------------------------------------------------------------------------------------ private

    def _build_layout(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.note, 1)
        top.addWidget(self.copy)
        top.addWidget(self.save)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addStretch(0)

    def _sentence(self, found: Comparison) -> str:
        if not found.rows:
            return (
                "No group of networks that were trained at several eps has scores yet: "
                "there is nothing to compare."
            )
        text = "Ours: {}. {}".format(" and ".join(found.variants) or "no variant", comparison.RULE)
        if found.by_seed:
            text += (
                " Within seeds: each seed's means are taken out of both, and with them the errors "
                "that all its scores share."
            )
        if found.by_blurriness:
            return text + (
                " The correlation at equal blurriness is what is left once the blurriness of the "
                "maps is taken out of both, linearly."
            )
        return text + (
            " The correlation at equal blurriness needs eight networks of a group whose maps' "
            "blurriness is known."
        )

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(as_tsv(self.found))
        say(self, "The table is on the clipboard.")

    @Slot()
    def _choose_path(self) -> None:
        name = str(folder_of(self) / "published-and-ours.csv")
        path = ask_save(self, "Save the table", name, "CSV (*.csv)", (".csv",))
        if path is not None:
            self.save_to(path)


def _cell(column: int, text: str) -> Cell:
    """Return a cell that sorts by number if its text is one."""
    if column < NAMES:
        return Cell(text, text)
    try:
        value = float(text)
    except ValueError:
        value = None
    shown = "–" if text == "-" else text.replace("-", "−")
    return Cell(shown, value, shown if value is None and len(text) > 12 else "")
