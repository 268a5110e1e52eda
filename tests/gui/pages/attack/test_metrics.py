"""Any metric is measured of the chosen networks, and the table shows what the study holds."""

from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

from engine.specs import (
    PGD,
    Alignment,
    Gaussians2D,
    Measurement,
    MetricSpec,
    PaperMLP,
    RobustAccuracy,
    Sparseness,
    StrongAccuracy,
    Training,
)
from engine.specs.schema import kinds_of
from engine.store.study import Result
from gui.pages.attack.metrics import MetricsTab
from gui.pages.common.network_picker import NetworkPicker
from tests.gui.synthetic_networks import add_network, add_record, networks, open_workspace


@pytest.fixture
def tab(qtbot, tmp_path):
    workspace, _ = open_workspace(tmp_path)
    picker = NetworkPicker(workspace, 4, 2)
    qtbot.addWidget(picker)
    picker.show()
    made = MetricsTab(workspace, picker, picker)
    qtbot.addWidget(made)
    made.show()
    return made


def texts(tab):
    table = tab.table
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_that_every_metric_can_be_chosen_and_makes_a_spec_a_network(tab):
    for cls in kinds_of(MetricSpec):
        tab.form.select_kind(cls.kind)
        assert {spec.metric.kind for spec in tab.specs()} == {cls.kind}
        assert [spec.classifier for spec in tab.specs()] == [
            network.spec for network in tab._picker.networks
        ]


def test_that_measuring_queues_what_is_missing(tab, monkeypatch, qtbot):
    queued = []
    monkeypatch.setattr(tab.workspace, "run", lambda specs: queued.extend(specs) or list(specs))
    tab.images.setValue(40)
    qtbot.mouseClick(tab.measure, Qt.MouseButton.LeftButton)
    assert [spec.metric for spec in queued] == [Alignment()] * len(tab._picker.networks)
    assert {spec.test_images for spec in queued} == {40}
    assert tab.note.text() == f"{len(queued)} still to be computed."


def test_that_a_number_stands_in_the_table_and_opens_its_record(tab, qtbot):
    spec = Measurement(classifier=networks()[0], metric=Alignment(), test_images=40)
    add_record(tab.workspace, spec, Result({"alignment": 0.125, "test_images": 40}))
    assert texts(tab) == [["Standard, seed 0", "Gradient alignment", "0.125", "", "", "40"]]
    with qtbot.waitSignal(tab.opened) as opened:
        tab.table.setCurrentCell(0, 0)
        qtbot.keyClick(tab.table, Qt.Key.Key_Return)
    assert opened.args == [spec.key]


def test_that_a_score_stands_beside_its_baselines_and_says_what_it_does_not_show(tab):
    spec = Measurement(classifier=networks()[0], metric=Sparseness(), test_images=40)
    numbers = {"sparseness": 0.5, "sparseness_low": 0.41, "sparseness_high": 0.6}
    numbers |= {"sparseness_random": 0.333, "sparseness_sobel": 0.79}
    add_record(tab.workspace, spec, Result({**numbers, "test_images": 40}))
    (row,) = texts(tab)
    assert row[1:] == [
        "Sparseness of Gradient",
        "0.500",
        "0.410 to 0.600",
        "random map 0.333, Sobel edges 0.790",
        "40",
    ]
    for column in (1, 2):
        assert Sparseness.caveat in tab.table.item(0, column).toolTip()
    tab.form.select_kind("sparseness")
    assert Sparseness.caveat in tab.form._combo.toolTip()


def test_that_a_network_of_other_images_is_left_out_and_it_is_said_why(tab, monkeypatch):
    plane = Training(images=Gaussians2D(per_class=20), network=PaperMLP())
    both = [SimpleNamespace(spec=spec, key=spec.key) for spec in (plane, networks()[0])]
    monkeypatch.setattr(NetworkPicker, "networks", property(lambda picker: both))
    tab.form.select_kind("stroke_mass")
    assert [spec.classifier for spec in tab.specs()] == [networks()[0]]
    assert "must be Glyphs" in tab.fault.text()
    assert tab.measure.isEnabled()
    both.pop()
    tab.refresh()
    assert tab.specs() == []
    assert not tab.measure.isEnabled()


def test_that_a_curve_has_no_row(tab):
    curve = Measurement(classifier=networks()[0], metric=RobustAccuracy())
    add_record(tab.workspace, curve, Result({"test_images": 1000}))
    assert texts(tab) == []


def test_that_a_wrong_field_is_said_and_nothing_can_be_measured(tab):
    tab.form.select_kind("robust_accuracy")
    tab.form.edit_of("eps").findChild(QLineEdit).setText("half")
    assert "half" in tab.form.error()
    assert tab.specs() == []
    assert not tab.measure.isEnabled()


def test_that_a_metric_under_attack_starts_at_the_radius_of_the_networks_evaluation(tab):
    ball = PGD(eps=0.2)
    spec = networks(1)[0].replace("evaluation", ball)
    add_network(tab.workspace, spec)
    tab._picker.choose_only(spec.key)
    tab.form.select_kind("strong_accuracy")
    assert (tab.form.spec().norm, tab.form.spec().eps) == (ball.norm, ball.eps)
    tab.form.select_kind("robust_accuracy")
    assert tab.form.spec().attack == ball
    assert tab.form.spec().eps[-1] == ball.eps
    own = StrongAccuracy(norm="l2", eps=0.7)
    tab.form.set_spec(own)
    tab._picker.changed.emit()
    assert tab.form.spec() == own
