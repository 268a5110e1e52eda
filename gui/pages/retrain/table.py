"""The scores of the Retrain page as a table, with the controls of those that the chart shows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from PySide6.QtWidgets import QWidget

from engine.retraining.curves import Curve
from engine.specs import Mode
from engine.specs.schema import kind_label
from engine.texts import percent
from engine.tradeoff.scores import ONE_RETRAINING
from gui.look.plain import plain_tip
from gui.pages.common.network_picker import NetworkPicker
from gui.pages.retrain.form import CONTROLS
from gui.pages.retrain.lines import mean_accuracy
from gui.pages.retrain.view import SCORE, CurvePlace, RetrainContent
from gui.session.networks import Network
from gui.widgets.number_table import Cell, NumberTable, TableRow

Column = tuple[Mode, str]


class RetrainTable(NumberTable):
    """One row for each network: scores by mode and attribution, then controls and blurriness.

    A score may have several controls. Each control of the shown curves has a column; the
    tooltip of a score lists all its controls.

    Parameters
    ----------
    names
        Display name of each control.
    """

    def __init__(
        self, picker: NetworkPicker, names: Mapping[str, str], parent: QWidget | None = None
    ):
        super().__init__("", parent)
        self.setAccessibleName("Scores")
        self.setToolTip(
            plain_tip(
                "Scores with the standard deviation over retrainings, whose number is in brackets "
                f"((1): {ONE_RETRAINING}); higher is better. Controls and blurriness are those of "
                "the curves shown above."
            )
        )
        self._picker = picker
        self._names = names

    def show_view(
        self,
        view: RetrainContent,
        networks: Sequence[Network],
        columns: Sequence[Column],
        shown: Column,
        asked: Collection[str],
    ) -> None:
        """Fill the table.

        Parameters
        ----------
        columns
            The modes and attributions that get a column.
        shown
            The mode and attribution of the chart.
        asked
            The controls that get a column even if the study has no result of them.
        """
        controls = _controls(view, shown, asked if shown in columns else ())
        blurry = any((network.key, shown[1]) in view.blurriness for network in networks)
        headers = [
            "Network",
            *(f"{mode.upper()} {kind_label(kind)}" for mode, kind in columns),
            *(self._names[control] for control in controls),
            *(["Blurriness"] if blurry else ()),
        ]
        rows = []
        for network in networks:
            places: list[CurvePlace] = [(network.key, *column, SCORE) for column in columns]
            places += [(network.key, *shown, control) for control in controls]
            cells = [Cell(network.title, network.title)]
            cells += [self._cell(view, place) for place in places]
            if blurry:
                cells.append(_blurriness(view.blurriness.get((network.key, shown[1]))))
            rows.append(TableRow(network.key, tuple(cells), self._picker.series(network.key)))
        self.set_rows(headers, rows)

    def _cell(self, view: RetrainContent, place: CurvePlace) -> Cell:
        curve = view.curves.get(place)
        if curve is None or not curve.own:
            return Cell("–", tip="Not computed yet")
        if curve.score is None:
            tip = f"{curve.done} of {curve.total} retrainings are there"
            return Cell(percent(curve.share, 0), tip=tip)
        spread = "" if curve.score_std is None else f" ± {curve.score_std:.3f}"
        tip = self._origin(curve)
        if place in view.others:
            tip += "\nComputed with other settings than the form's"
        if place[3] == SCORE:
            text = f"{_signed(curve.score)}{spread} ({curve.spec.repeats})"
            return Cell(text, curve.score, tip + "".join(self._beside(view, place)))
        if place[3] == "mask_only":
            mean = mean_accuracy(curve)
            said = "Mean accuracy of networks that see only which pixels are removed\n"
            return Cell(percent(mean), mean, said + tip)
        text = f"{_signed(curve.score)} ({curve.spec.repeats})"
        return Cell(text, curve.score, f"{spread.strip()}\n{tip}".strip())

    def _origin(self, curve: Curve) -> str:
        spec = curve.spec
        count = ONE_RETRAINING if spec.repeats == 1 else f"{spec.repeats} retrainings"
        return f"{len(spec.fractions)} fractions, {count}, baseline {spec.baseline.title}"

    def _beside(self, view: RetrainContent, place: CurvePlace) -> Iterator[str]:
        """Yield a tooltip line for each control of a score, and for the blurriness of its maps."""
        for control in CONTROLS:
            beside = view.curves.get((*place[:3], control))
            if beside is None or beside.score is None:
                continue
            mask = control == "mask_only"
            said = percent(mean_accuracy(beside)) if mask else _signed(beside.score)
            yield f"\n{self._names[control]}: {said}"
        blurriness = view.blurriness.get((place[0], place[2]))
        if blurriness is not None:
            yield f"\nBlurriness of the maps: {blurriness:.2f}"


def _controls(view: RetrainContent, shown: Column, asked: Collection[str]) -> list[str]:
    """Return the controls that have a curve in the shown column or that the form asks for."""
    begun = {place[3] for place, curve in view.curves.items() if place[1:3] == shown and curve.own}
    return [control for control in CONTROLS if control in begun or control in asked]


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _blurriness(value: float | None) -> Cell:
    return Cell("–") if value is None else Cell(f"{value:.2f}", value)
