"""What the epoch of the Train page's slider means for everything beside the maps.

Its place in all curves, the values of the networks there, and from which weights a training can
go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QWidget

from engine.specs import Training
from engine.texts import percent
from gui.look.plain import plain_tip
from gui.pages.train.live_curves import LiveCurves
from gui.pages.train.live_maps import LiveMaps
from gui.pages.train.runs import TrainingRun
from gui.queue.continuing import ContinueDialog
from gui.session.workspace import Workspace
from gui.widgets.number_table import Cell, TableRow
from gui.widgets.plots.marker import Marker

CAN = "Train a network further from its weights after this epoch"
ACCURACIES = ("clean_accuracy", "robust_accuracy")
NONE = "There is no finished network of these images yet"


class Replay(QObject):
    """Follows the slider, and continues networks.

    Parameters
    ----------
    stored
        Returns the finished networks of the present images, by key.
    train
        Queues trainings.
    """

    def __init__(
        self,
        workspace: Workspace,
        curves: LiveCurves,
        maps: LiveMaps,
        stored: Callable[[], Mapping[str, Training]],
        train: Callable[[Sequence[Training]], object],
        parent: QWidget,
    ):
        super().__init__(parent)
        self._workspace, self._maps, self._parent = workspace, maps, parent
        self._stored, self._train = stored, train
        self._markers = [Marker(plot) for plot in (curves.loss, curves.accuracy)]
        self._starts: list[Training] = []
        maps.go_on.clicked.connect(self._go_on)
        maps.continue_asked.connect(self.ask)

    def show_runs(self, runs: Sequence[TrainingRun]) -> None:
        """Show what the slider's epoch is for these networks."""
        step = self._maps.step
        offsets = {run.offset for run in runs if any(len(c) for c in run.curves.values())}
        for marker in self._markers:
            marker.show_at([] if step is None else [step + offset for offset in offsets])
        stored = self._stored()
        found = [start_at(stored[run.key], step) for run in runs if run.key in stored]
        self._starts = list(dict.fromkeys(start for start in found if isinstance(start, Training)))
        reasons = [reason for reason in found if isinstance(reason, str)]
        reason = "\n".join(reasons[:3]) or NONE
        self._maps.go_on.setEnabled(bool(self._starts))
        self._maps.go_on.setToolTip(plain_tip(CAN if self._starts else reason))

    @Slot(str)
    def ask(self, key: str) -> None:
        """Ask for the number of additional epochs, and train the network for them."""
        self._open(ContinueDialog(self._workspace, key, self._parent))

    @Slot()
    def _go_on(self) -> None:
        self._open(ContinueDialog(self._workspace, "", self._parent, self._starts))

    def _open(self, dialog: ContinueDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._train(dialog.specs()))
        dialog.open()


def start_at(spec: Training, step: float | None) -> Training | str:
    """Return the network whose weights are those after an epoch, or why there is none.

    Records keep the weights after the last epoch, or those of the best one. Of a continued
    training those before its first epoch are also kept, as the network that it went on from.

    Parameters
    ----------
    step
        An epoch of this training; None for the newest.
    """
    if step == 0:
        start = spec.start
        kept = isinstance(start, Training) and spec.start_head == "same"
        if kept and isinstance(start, Training):
            return start
        return f"{spec.title}: its weights before training are random, and not kept."
    if step is None or (step >= spec.epochs and spec.weights == "last"):
        return spec
    if spec.weights == "best":
        return f"{spec.title}: only the weights of its best epoch are kept."
    return f"{spec.title}: only the weights after its last epoch, {spec.epochs}, are kept."


def values_at(runs: Iterable[TrainingRun], step: float) -> tuple[tuple[str, ...], list[TableRow]]:
    """Return headers and rows: what each network's curves show at an epoch.

    A value is the last one at or before it, so that of an epoch under way is never shown as whole.
    """
    headers = (f"Network, after epoch {step:g}", "Loss", "Clean", "Robust")
    rows = []
    for run in runs:
        found = [run.curves[name].last_until(step) for name in ("loss", *ACCURACIES)]
        loss, clean, robust = (None if pair is None else pair[1] for pair in found)
        cells = (
            Cell(run.title, run.title),
            Cell("–") if loss is None else Cell(f"{loss:.4g}", loss),
            *(
                Cell("–") if share is None else Cell(percent(share), share)
                for share in (clean, robust)
            ),
        )
        rows.append(TableRow(run.key, cells, run.series))
    return headers, rows
