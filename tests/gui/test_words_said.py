"""No page, chart or report shows a name that only plans and code use.

The names come from the program's own registries: kinds of specs, fields, choices, and numbers of
records whose names have an underscore, and the short names of losses and norms. A name in brackets
behind its words, such as "cross-entropy (xent)", tells what plan files call it.
"""

import re

import pytest

from engine.cli.main import main
from engine.figures import report_page
from engine.figures.catalog import pictured
from engine.figures.charts import FigureError, panels_of
from engine.figures.report import report_pdf
from engine.specs.attacks import LOSS_WORDS, group_in_words
from engine.specs.schema import KINDS, fields_of
from gui.widgets.forms.field_edit import choice_name, help_words
from tests.gui import said
from tests.gui.whole_study import plane_study, whole_study, workspace_on

# Symbols of formulas, which are written so in the papers and explained beside them.
SYMBOLS = {"p_j", "max_other", "z_true"}


def raw_names(study=None):
    """Return the names that only plans and code use."""
    found = set(KINDS) | {item.name for cls in KINDS.values() for item in fields_of(cls)}
    found |= {c for cls in KINDS.values() for item in fields_of(cls) for c in item.choices}
    if study is not None:
        for entry in study.entries:
            found |= set(entry.numbers) | {
                part for name in study.read(entry.key).arrays for part in name.split("/")
            }
    return {name for name in found if "_" in name} | {"linf", *LOSS_WORDS} - SYMBOLS


def raw_in(texts, names):
    """Return the raw names in texts, with the texts."""
    longest = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    # A loss with a colon behind it is being explained.
    keys = "|".join(LOSS_WORDS)
    pattern = re.compile(rf"(?<![\w(/.=-])(?!(?:{keys}):)({longest})(?![\w/=.])")
    found = []
    for text in dict.fromkeys(texts):
        bare = re.sub(r"<[^>]+>", " ", text)
        found += [(name, bare[:200]) for name in dict.fromkeys(pattern.findall(bare))]
    return found


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return whole_study(tmp_path_factory.mktemp("words"))


def test_that_raw_names_are_found_and_words_are_not():
    names = raw_names()
    assert {"xent", "gradient_x_input", "step_size", "per_channel", "linf"} <= names
    texts = ["L2 xent", "step_size", "cross-entropy (xent)", "L-inf margin", "/a/step_size/b"]
    assert [name for name, _ in raw_in(texts, names)] == ["xent", "step_size"]


def test_that_no_page_shows_a_raw_name(qtbot, study, tmp_path):
    wrong = []
    for one, only in ((study, ()), (plane_study(tmp_path), ("Boundary", "Records"))):
        workspace, names = workspace_on(one), raw_names(one)
        for title, page in said.pages_on(qtbot, workspace, only):
            texts = said.texts_of(page, tips=True)
            if title == "Records":
                kinds = {entry.kind: entry.key for entry in one.entries}
                for key in kinds.values():
                    page.show_record(key)
                    said.wait(100)
                    for _ in said.each_tab(page.view):
                        texts += said.texts_of(page.view, tips=True)
            texts += said.exported_texts(page)
            wrong += [(title, *found) for found in raw_in(texts, names)]
        workspace.runner.shutdown()
    assert wrong == [], "\n".join(map(str, wrong))


def test_that_no_figure_table_or_report_shows_a_raw_name(study, monkeypatch, capsys):
    written, write = [], report_page._write

    def noting(place, x, y, text, *rest, **options):
        written.append(text)
        write(place, x, y, text, *rest, **options)

    monkeypatch.setattr(report_page, "_write", noting)
    report_pdf(study)
    for row in pictured():
        try:
            data = row.picture(study)
        except FigureError:
            continue
        for panel in panels_of(data) or [data]:
            written += said.chart_texts(panel)
    assert main(["show", "--study", str(study.path)]) == 0
    written += capsys.readouterr().out.splitlines()
    assert raw_in(written, raw_names(study)) == []


def test_that_every_choice_has_words_and_helps_use_them():
    for cls in KINDS.values():
        for item in fields_of(cls):
            for choice in item.choices:
                words = choice_name(item, choice)
                assert words
                assert "_" not in words.replace(f"({choice})", "")
                if "_" in choice and f"({choice})" not in words:
                    assert not re.search(rf"(?<!\w){re.escape(choice)}(?!\w)", help_words(item))


@pytest.mark.parametrize("loss", LOSS_WORDS)
def test_that_a_loss_is_written_out_in_names_of_groups(loss):
    assert group_in_words(f"trades L2 {loss}") == f"TRADES L2 {LOSS_WORDS[loss]}"
    assert group_in_words(f"L2 {loss}") == f"L2 {LOSS_WORDS[loss]}"
    assert not raw_in([group_in_words(f"pgd L2 {loss}")], {loss})
