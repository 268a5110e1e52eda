"""Training a finished network for more epochs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QComboBox, QDialogButtonBox, QVBoxLayout, QWidget

from engine.specs import Training
from engine.specs.schema import fields_of
from gui.session.workspace import Workspace
from gui.widgets.dialog import Dialog
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.number_edit import WholeEdit
from gui.widgets.forms.side_panel import labelled_rows
from gui.widgets.label import Label

_EPOCHS = next(item for item in fields_of(Training) if item.name == "epochs")


class ContinueDialog(Dialog):
    """Asks which network to train further, and for how many epochs.

    Show it with ``open()``, which does not block the caller.

    Parameters
    ----------
    key
        Key of the network selected at first; "" for the newest.
    offered
        The networks to choose among, if not all of these images.
    """

    def __init__(
        self,
        workspace: Workspace,
        key: str = "",
        parent: QWidget | None = None,
        offered: Sequence[Training] = (),
    ):
        super().__init__(parent)
        self.setWindowTitle("Train a network for more epochs")
        self.setModal(True)
        found = [spec for _, spec in workspace.classifiers() if isinstance(spec, Training)]
        chosen = next((spec for spec in found if spec.key == key), None)
        images = chosen.images if chosen is not None else workspace.images
        own = [spec for spec in found if spec.images == images]
        self._networks = [*(offered or own)][::-1]
        self.network = ElidedCombo()
        for spec in self._networks:
            self.network.addItem(spec.title)
        self.network.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.network.setMinimumContentsLength(32)
        self.epochs = WholeEdit(low=_EPOCHS.low, high=_EPOCHS.high)
        self.note = Label()
        self.note.setWordWrap(True)
        self.note.setProperty("role", "muted")
        self._build(workspace)
        if chosen is not None:
            self.network.setCurrentIndex(self._networks.index(chosen))
        self._propose()

    def _build(self, workspace: Workspace) -> None:
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.accept_button = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.accept_button.setText("Continue")
        self.accept_button.setEnabled(bool(self._networks))
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.network.currentIndexChanged.connect(self._propose)
        self.epochs.valueChanged.connect(self._say)
        self.epochs.setToolTip("The optimiser begins afresh: its moments are not recorded")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addLayout(labelled_rows(("Network", self.network), ("More epochs", self.epochs)))
        layout.addWidget(self.note)
        layout.addWidget(buttons)
        self.setMinimumWidth(460)

    def specs(self) -> list[Training]:
        """Return the training to queue; empty if there is no network to continue."""
        if not self._networks:
            return []
        return [self._networks[self.network.currentIndex()].continued(self.epochs.number())]

    def _propose(self) -> None:
        if self._networks:
            self.epochs.setValue(self._networks[self.network.currentIndex()].epochs)
        self._say()

    def _say(self) -> None:
        if not self._networks:
            self.note.setText("The study has no finished network of these images yet.")
            return
        spec = self.specs()[0]
        self.note.setText(
            f"From {spec.earlier_epochs} to {spec.earlier_epochs + spec.epochs} epochs, on the "
            "same images and with the same attack. The optimiser "
            "begins afresh and there is no second warm-up. The network as it is now is kept."
        )
