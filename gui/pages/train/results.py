"""The final accuracies of the networks on the Train page, of their last and their best weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QWidget

from engine.store.index import Entry
from engine.store.study import Study
from engine.texts import percent
from engine.tradeoff.robustness import Robustness, robustness
from engine.tradeoff.scores import VERDICTS, robust_words
from gui.look.plain import plain_tip
from gui.pages.train.runs import TrainingRun
from gui.widgets.number_table import Cell, NumberTable, TableRow

HEADERS = (
    "On test images",
    "Clean, last",
    "Robust, last",
    "Best epoch",
    "Clean, best",
    "Robust, best",
    "Verdict",
)
MOST_ROWS = 3
TIP = "On test images. Last epoch, and the epoch that was best on the validation images"
NO_CHOICE = "Curves on test images: choose a validation part to select an epoch"
NAME_WIDTH = 96  # pixels at least, for names too, which get what the other columns leave


class Results(NumberTable):
    """A row per finished network; hidden while there is none."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__("Final accuracies on test images", parent)
        self.setToolTip(plain_tip(TIP))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.horizontalHeader().setMinimumSectionSize(NAME_WIDTH)
        self.hide()
        self._judged: tuple[Study | None, int] = (None, 0)
        self._known: Mapping[str, Robustness] = {}

    def show_runs(
        self, runs: Iterable[TrainingRun], entries: Iterable[Entry], study: Study | None
    ) -> None:
        """Show the runs that have a record among these, as the study's attacks left them."""
        now = study, 0 if study is None else len(study.entries)
        if now != self._judged:  # this is called on every tick of the page
            self._judged, self._known = now, {} if study is None else robustness(study)
        numbers = {entry.key: entry.numbers for entry in entries}
        rows = [
            TableRow(run.key, _cells(run, numbers[run.key], self._known.get(run.key)), run.series)
            for run in runs
            if run.key in numbers
        ]
        self._show(HEADERS, rows)

    def show_values(self, headers: Sequence[str], rows: Sequence[TableRow]) -> None:
        """Show the values at an epoch in place of the final ones."""
        self._show(headers, rows)

    def _show(self, headers: Sequence[str], rows: Sequence[TableRow]) -> None:
        self.set_rows(headers, rows)
        self.setVisible(bool(rows))
        for column in range(1, len(headers)):  # what no network has would only take room
            self.setColumnHidden(column, all(row.cells[column].text == "–" for row in rows))
        header = self.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        height = header.sizeHint().height() + 2 * self.frameWidth()
        for row in range(min(len(rows), MOST_ROWS)):
            height += self.rowHeight(row)
        self.setFixedHeight(height)


def _cells(
    run: TrainingRun, numbers: Mapping[str, Any], found: Robustness | None
) -> tuple[Cell, ...]:
    """Return the cells of a network; records from before there were best weights have dashes.

    The weights that the network is have the lowest accuracy that any attack left, the others that
    of the evaluation.
    """
    own_is_best = "last_clean_accuracy" in numbers
    last = "last_" if own_is_best else ""
    names = (f"{last}clean_accuracy", f"{last}robust_accuracy")
    epoch = numbers.get("best_epoch")
    tip = TIP if epoch is not None else NO_CHOICE
    last_clean, last_robust = (_percent(numbers.get(name), TIP) for name in names)
    best_clean, best_robust = (
        _percent(numbers.get(f"best_{name}_accuracy"), tip) for name in ("clean", "robust")
    )
    verdict = Cell("–")
    if found is not None and found.lowest is not None:
        words = robust_words(found)
        own, verdict = (
            _percent(found.lowest.accuracy, words, found.threat),
            Cell(VERDICTS[found.verdict], tip=words),
        )
        last_robust, best_robust = (last_robust, own) if own_is_best else (own, best_robust)
    return (
        Cell(run.title, run.title),
        last_clean,
        last_robust,
        Cell("–", None, tip) if epoch is None else Cell(f"{epoch:d}", float(epoch), tip),
        best_clean,
        best_robust,
        verdict,
    )


def _percent(value: float | None, tip: str, threat: str = "") -> Cell:
    if value is None:
        return Cell("–", None, tip)
    text = percent(value)
    return Cell(f"{text} at {threat}" if threat else text, value, tip)
