"""The glossary, and the tooltips that are made of it."""

import re

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox

from engine.specs.methods import methods
from engine.specs.schema import KINDS, fields_of
from engine.tradeoff import comparison
from gui.look import terms
from gui.shell.glossary import GlossaryDialog
from gui.widgets.explained import explain_choices
from gui.widgets.forms.field_edit import help_words, plain_field
from gui.widgets.forms.form_row import FormRow
from gui.widgets.number_table import Cell, NumberTable, TableRow
from gui.widgets.plots.plot import Plot

FIELDS = {item.name: item for kind in KINDS.values() for item in fields_of(kind)}
HEADERS = {
    "Clean %": "clean accuracy",
    "Robust %": "robust accuracy",
    "Under attack %": "robust accuracy",
    "ROAR gradient": "ROAR",
    "KAR gradient x input": "KAR",
    "ROAR Gradient x input": "gradient x input",
    "Blurriness": "blurriness",
    "r ours": "Pearson correlation",
    "rank published": "Spearman correlation",
    "score": "interpretability score",
    "Tangent": "share in the tangent space",
}


@pytest.mark.parametrize("term", terms.TERMS, ids=lambda term: term.name)
def test_that_a_term_has_two_sentences_or_more_an_equation_and_a_source(term):
    assert len(re.findall(r"[.:;]( |$)", term.meaning)) >= 2
    assert term.equation
    assert re.search(r"\b(19|20)\d\d\b", term.source)
    for tag in ("sub", "sup"):
        assert term.equation.count(f"<{tag}>") == term.equation.count(f"</{tag}>")


def test_that_no_field_belongs_to_two_terms_and_none_is_unknown():
    named = [name for term in terms.TERMS for name in term.fields]
    assert len(named) == len(set(named))
    assert set(named) <= FIELDS.keys()


@pytest.mark.parametrize("name", [n for term in terms.TERMS for n in term.fields])
def test_that_the_form_explains_a_field_that_names_a_term(qtbot, name):
    item = FIELDS[name]
    if item.is_spec:  # a nested form: its own rows say the rest
        assert terms.term_of_field(name) is not None
        return
    edit = plain_field(item)
    qtbot.addWidget(edit)
    row = FormRow(item, edit, item.label, edit)
    assert terms.term_of_field(name).equation in edit.toolTip()
    assert help_words(item).split("<")[0] in edit.toolTip()
    assert row.label is None or row.label.toolTip() == edit.toolTip()


def test_that_every_field_that_is_called_like_a_term_has_it():
    """A field whose name holds a term's own name is explained by some term."""
    names = [term.name.lower() for term in terms.TERMS]
    called = [
        name
        for name in FIELDS
        if any(re.search(rf"\b{re.escape(said)}\b", name.replace("_", " ")) for said in names)
    ]
    assert {"eps", "norm", "step_size", "fraction_removed"} <= set(called)
    other = {"final_norm"}  # a layer of a network
    assert {name for name in called if terms.term_of_field(name) is None} == other


@pytest.mark.parametrize(("header", "name"), HEADERS.items())
def test_that_a_table_header_is_explained(qtbot, header, name):
    table = NumberTable("numbers")
    qtbot.addWidget(table)
    table.set_rows(("Network", header), [TableRow("k", (Cell("a", "a"), Cell("1", 1.0)))])
    tip = table.horizontalHeaderItem(1).toolTip()
    assert f"<b>{name}</b>" in tip
    assert table.horizontalHeaderItem(0).toolTip() == ""


def test_that_the_columns_of_published_and_ours_are_explained():
    heading = comparison.table([])[0]
    unexplained = [text for text in heading if not terms.terms_in(text)]
    plain = ["networks", "against", "n", "seeds", "95 % interval", "sign", "its 95 % interval"]
    assert unexplained == plain


def test_that_a_word_inside_another_names_no_term():
    assert terms.terms_in("normalization") == []
    assert terms.terms_in("regress") == []


def test_that_a_header_of_two_terms_has_both():
    names = [term.name for term in terms.terms_in("ROAR Gradient x input")]
    assert names == ["ROAR", "gradient x input"]


def test_that_a_plain_tip_without_a_term_stays_plain():
    assert terms.with_field("epochs", "a < b") == "a < b"
    assert "a &lt; b" in terms.with_field("eps", "a < b")


def test_that_the_glossary_is_searched_by_any_word(qtbot):
    dialog = GlossaryDialog()
    qtbot.addWidget(dialog)
    assert len(dialog.shown()) == len(terms.glossary())
    assert dialog.shown() == sorted(dialog.shown(), key=str.lower)
    dialog.search.setText("hooker mean")
    assert {"fraction removed", "ROAR"} <= set(dialog.shown())
    assert "replaced" in dialog.text.toPlainText()
    dialog.search.setText("no such word")
    assert dialog.shown() == []
    assert "No term" in dialog.text.toPlainText()
    dialog.search.clear()
    assert len(dialog.shown()) == len(terms.glossary())


def test_that_the_choice_of_an_axis_is_explained(qtbot):
    combo = QComboBox()
    qtbot.addWidget(combo)
    combo.addItems(["ROAR score", "KAR score"])
    explain_choices(combo, "Which score is drawn upwards")
    assert "Which score" in combo.toolTip()
    assert "Remove and retrain" in combo.toolTip()
    combo.setCurrentIndex(1)
    assert "Keep and retrain" in combo.toolTip()
    assert "Keep and retrain" in combo.itemData(1, Qt.ItemDataRole.ToolTipRole)
    assert "Which score" in combo.toolTip()


def test_that_the_axes_of_a_plot_are_explained(qtbot):
    plot = Plot("", "eps (L-inf), 255ths", "Accuracy in %", export_name="p")
    qtbot.addWidget(plot)
    assert "radius of the ball" in plot._view.getPlotItem().getAxis("bottom").toolTip()
    plot.set_texts(x_label="Epoch", y_label="ROAR score")
    assert plot._view.getPlotItem().getAxis("bottom").toolTip() == ""
    assert "Remove and retrain" in plot._view.getPlotItem().getAxis("left").toolTip()


def test_that_the_glossary_holds_every_method_of_the_program(qtbot):
    dialog = GlossaryDialog()
    qtbot.addWidget(dialog)
    names = [name.lower() for name in dialog.shown()]
    assert len(names) == len(set(names))
    for method in methods():
        assert method.label.lower() in names
    dialog.search.setText("quadrature")
    assert dialog.shown() == []
    dialog.search.setText("sundararajan")
    assert "Integrated Gradients" in dialog.shown()
