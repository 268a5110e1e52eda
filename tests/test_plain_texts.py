"""Only the places that make texts plain use the parts of Qt that take a text for markup."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Name that may be called -> the only modules that may call it.
PLACES = {
    "QLabel": {"gui/widgets/label.py"},
    "QMessageBox": {"gui/widgets/label.py"},
    "QErrorMessage": set(),
    "QProgressDialog": set(),
    "QInputDialog": set(),
    "QStaticText": set(),
    "QTextDocument": set(),
    "QTextEdit": set(),
    "QTextBrowser": {"gui/shell/glossary.py"},  # shows our own words only
    "QGraphicsTextItem": set(),
    "QSplashScreen": set(),
    "setTextFormat": {"gui/widgets/label.py"},
    "setHtml": {"gui/shell/glossary.py"},
    "insertHtml": set(),
    "setMarkdown": set(),
    "setStatusTip": set(),
    "setWhatsThis": set(),
    "TextItem": {"gui/widgets/plots/point_labels.py"},  # as plain text
    "LabelItem": set(),
    "LegendItem": set(),
    "addLegend": set(),
    "setTitle": set(),
    "setLabel": {"gui/widgets/plots/plot_items.py"},  # escapes
    "setLabels": set(),
}
TIPS = ("setToolTip", "showText")
MODULES = sorted((ROOT / "gui").rglob("*.py"))


def by_path(path):
    return path.relative_to(ROOT).as_posix()


def name_of(node):
    return getattr(node, "attr", None) or getattr(node, "id", None)


MAKERS = ("plain_tip", "with_field", "with_words", "with_terms", "with_key", "without_key")


def is_plain(node):
    """Whether an argument is text of ours, or was made plain."""
    if isinstance(node, ast.Call) and name_of(node.func) in MAKERS:
        return True
    if isinstance(node, ast.JoinedStr):
        return all(isinstance(part, ast.Constant) for part in node.values)
    return isinstance(node, ast.Constant)


def calls(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield name_of(node.func), node
        elif isinstance(node, ast.ClassDef):
            yield from ((name_of(base), node) for base in node.bases)


@pytest.mark.parametrize("path", MODULES, ids=by_path)
def test_that_what_guesses_markup_is_used_in_one_place_only(path):
    for name, node in calls(path):
        if name in PLACES:
            assert by_path(path) in PLACES[name], f"line {node.lineno} uses {name}"


@pytest.mark.parametrize("path", MODULES, ids=by_path)
def test_that_every_tooltip_is_ours_or_made_plain(path):
    for name, node in calls(path):
        if name not in TIPS or not isinstance(node, ast.Call):
            continue
        made = [argument for argument in node.args if is_plain(argument)]
        names = [argument for argument in node.args if isinstance(argument, ast.Name)]
        plain = made or any(_is_made_plain(path, found.id) for found in names)
        assert plain, f"line {node.lineno}: the text of {name} is not made by plain_tip"


def _is_made_plain(path, name):
    """Whether a variable only ever gets a text that plain_tip made."""
    found = [
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign) and any(name_of(t) == name for t in node.targets)
    ]
    return bool(found) and all(is_plain(value) for value in found)
