"""The report card of an attack: signs that an accuracy under attack is unreliable."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from engine.specs import AttackCheck, AttackSpec, Measurement
from engine.store.index import Entry
from engine.store.study import spec_of
from engine.tradeoff.verdicts import CHECKS, Finding, findings
from gui.session.networks import Network
from gui.session.workspace import Workspace
from gui.widgets.forms.form_row import capital
from gui.widgets.label import Label
from gui.widgets.number_table import Cell, NumberTable, TableRow

HEIGHT = 150
IMAGES = 200


class AttackCard(QWidget):
    """A button that checks the form's attack, and a table of the findings for each network.

    Signals
    -------
    asked
        The user wants the attack checked.
    """

    asked = Signal()

    def __init__(self, workspace: Workspace, series: Callable[[str], int], parent: QWidget):
        super().__init__(parent)
        self.workspace = workspace
        self._series = series
        self.check = QPushButton("Check the attack")
        self.check.setToolTip(
            "Look for signs of a weak attack: the accuracy above may then be too high"
        )
        self.note = Label(wordWrap=True)
        self.note.setProperty("role", "muted")
        self.table = NumberTable("Report card of the attack")
        self.table.setMaximumHeight(HEIGHT)
        bar = QHBoxLayout()
        bar.setSpacing(8)
        bar.addWidget(self.check)
        bar.addWidget(self.note, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(bar)
        layout.addWidget(self.table)
        self.check.clicked.connect(self.asked)
        self.show_found(None, ())

    def specs(self, attack: AttackSpec | None, networks: Sequence[Network]) -> list[Measurement]:
        """Return one measurement for each network; an empty list without an attack."""
        if attack is None or not attack.eps:
            return []
        metric = AttackCheck(attack=attack)
        return [
            Measurement(classifier=network.spec, metric=metric, test_images=IMAGES)
            for network in networks
        ]

    @Slot()
    def show_found(self, attack: AttackSpec | None, networks: Sequence[Network]) -> None:
        """Show the stored checks of the attack, or of the last attack checked in its norm."""
        found = self._found(attack, networks)
        rows = [
            TableRow(network.key, _cells(network.title, entry), self._series(network.key))
            for entry, _, network in found
        ]
        self.table.setVisible(bool(rows))
        if rows:
            self.table.set_rows(("Network", *map(capital, CHECKS)), rows)
        self.note.setText(self._words(found))
        self.check.setEnabled(attack is not None and bool(attack.eps) and bool(networks))

    def _found(
        self, attack: AttackSpec | None, networks: Sequence[Network]
    ) -> list[tuple[Entry, AttackCheck, Network]]:
        """Return the newest record of one attack for each network.

        The attack is ``attack`` or, if the study has no check of it, the last one checked in its
        norm.
        """
        wanted = {network.key: network for network in networks}
        found: list[tuple[Entry, AttackCheck, Network]] = []
        for entry in self.workspace.entries(Measurement.kind):
            spec = spec_of(entry)
            if not isinstance(spec, Measurement) or not isinstance(spec.metric, AttackCheck):
                continue
            alike = attack is not None and spec.metric.attack.norm == attack.norm
            if spec.classifier.key in wanted and alike:
                found.append((entry, spec.metric, wanted[spec.classifier.key]))
        same = [item for item in found if item[1].attack == attack]
        if not same and found:
            same = [item for item in found if item[1] == found[-1][1]]
        newest = {network.key: (entry, metric, network) for entry, metric, network in same}
        return [newest[key] for key in wanted if key in newest]

    def _words(self, found: Sequence[tuple[Entry, AttackCheck, Network]]) -> str:
        if not found:
            return "An accuracy under attack is an upper bound: check the attack behind it."
        entry, metric, _ = found[0]
        failed = [
            finding.name
            for entry, *_ in found
            for finding in findings(entry.numbers)
            if not finding.passed
        ]
        text = "{attack}, {count:,} test images: {verdict}"
        return text.format(
            attack=metric.attack.title,
            count=int(entry.numbers["test_images"]),
            verdict="nothing speaks against it."
            if not failed
            else "look at {}.".format(", ".join(dict.fromkeys(failed))),
        )


def _cells(title: str, entry: Entry) -> tuple[Cell, ...]:
    found = {finding.name: finding for finding in findings(entry.numbers)}
    return Cell(title, title), *(_cell(found.get(name)) for name in CHECKS)


def _cell(finding: Finding | None) -> Cell:
    if finding is None:
        return Cell("–", tip="Written by an earlier version, which did not measure this")
    mark = "✓" if finding.passed else "⚠"
    return Cell(f"{mark} {finding.shown}", float(finding.passed), finding.sentence)
