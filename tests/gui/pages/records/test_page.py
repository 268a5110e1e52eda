"""The Records page: searching, sorting, one record in full, names, notes, deleting."""

import sys

import pytest
import torch
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox

from engine.networks.opening.tried import Tried, as_documents
from engine.plan.planfile import read_plan
from engine.plan.slots import Slots, provenance
from engine.specs import Glyphs, Imported, Measurement, SmallCNN, StrongAccuracy
from engine.specs.schema import KINDS
from engine.store.index import Entry
from engine.store.labels import Labels
from engine.store.study import Study
from gui.pages import PAGES, TRADEOFF
from gui.pages.records.model import CREATED, SECONDS, TITLE, rows_of
from gui.pages.records.origin import NAMES
from gui.pages.records.page import RecordsPage
from tests import made_up_study as made_up
from tests.gui.made_up_workspace import workspace_on


@pytest.fixture
def study(tmp_path):
    return made_up.sweep(tmp_path, eps=(0.02, 8 / 255), norms=("linf", "l2"))


@pytest.fixture
def page(qtbot, study):
    workspace, _ = workspace_on(study)
    workspace.said = []
    workspace.message.connect(lambda text, error: workspace.said.append((text, error)))
    found = RecordsPage(workspace)
    qtbot.addWidget(found)
    found.resize(1180, 700)
    found.show()
    qtbot.waitExposed(found)
    qtbot.waitUntil(lambda: found.table.model.total == len(study.entries))
    return found


def titles(page):
    model = page.table.model
    return [model.index(row, TITLE).data() for row in range(model.rowCount())]


def search(page, text):
    page.table.search.setText(text)
    page.table._search()
    return titles(page)


def strong(norm="l2", eps=8 / 255):
    return made_up.network(norm, eps)


# ---------------------------------------------------------------------------------------- finding


def test_that_every_record_is_listed_newest_first(page, study):
    assert titles(page) == [entry.title for entry in reversed(study.entries)]
    assert "21 records" not in page.table.count.text()
    assert page.table.count.text() == f"{len(study.entries)} records"


@pytest.mark.parametrize(
    ("words", "kind", "count"),
    [
        ("l2 training", "training", 2),
        ("eps=1/50 norm=l2 pgd", "training", 1),
        ("EPS=.02 training", "training", 2),
        ("kar gradient_x_input l2", "interpretability", 2),
        ("nothing like this", "", 0),
    ],
)
def test_that_a_search_finds_records_by_title_kind_and_settings(page, words, kind, count):
    search(page, words)
    model = page.table.model
    found = [model.row(row).entry for row in range(model.rowCount())]
    assert len([entry for entry in found if entry.kind == kind]) == count
    assert bool(found) == bool(count)


def test_that_a_key_or_a_word_of_a_note_finds_its_record(page, study):
    key = strong().key
    assert search(page, key[:9]) == [strong().title]
    study.labels.set(key, note="shown at the Talk")
    page.workspace.records_changed.emit()
    page._refresh()
    assert search(page, "talk") == [strong().title]
    assert page.table.model.index(0, 4).data() == "shown at the Talk"


def test_that_a_setting_must_be_there_as_a_whole(page):
    assert search(page, "eps=0.0") != search(page, "eps=0.02")
    assert search(page, "ps=0.02") == []


def test_that_one_kind_can_be_shown_alone(page, study):
    kinds = page.table.kinds
    kinds.setCurrentIndex(kinds.findData("training"))
    assert page.table.model.rowCount() == 5
    assert "5 of" in page.table.count.text()
    assert "(5)" in kinds.currentText()


def test_that_columns_sort_both_ways_and_the_selection_stays(page, study):
    page.show_record(strong().key)
    page.table.view.sortByColumn(TITLE, Qt.SortOrder.AscendingOrder)
    assert titles(page) == sorted(titles(page), key=str.casefold)
    assert page.table.current_key == strong().key
    page.table.view.sortByColumn(CREATED, Qt.SortOrder.AscendingOrder)
    assert titles(page) == [entry.title for entry in study.entries]


def test_that_a_search_which_hides_the_record_is_taken_back_when_it_is_asked_for(page):
    search(page, "nothing like this")
    page.show_record(strong().key)
    assert page.table.current_key == strong().key
    assert page.view.title.text() == strong().title


def many(count):
    spec = strong().as_dict()
    return [
        Entry(f"{n:020x}", "training", f"network {n}", f"2026-01-01T00:{n:06}", n % 7, (), spec)
        for n in range(count)
    ]


def test_that_of_thousands_of_records_only_new_ones_are_looked_through_again(tmp_path, monkeypatch):
    labels, entries = Labels(tmp_path / "labels.json"), many(5000)
    rows = rows_of(entries, labels, {})
    known = {row.entry.key: row for row in rows}
    looked = []
    monkeypatch.setattr(
        "gui.pages.records.model.searched", lambda entry, kind, note: looked.append(entry)
    )
    again = rows_of([*entries, many(5001)[-1]], labels, known)
    assert len(again) == 5001
    assert [entry.title for entry in looked] == ["network 5000"]


def test_that_a_table_of_thousands_makes_texts_only_for_what_is_seen(qtbot, monkeypatch):
    from gui.pages.records import model as records_model
    from gui.pages.records.table import RecordsTable

    asked = []
    text = records_model._text
    monkeypatch.setattr(records_model, "_text", lambda r, c: asked.append(r) or text(r, c))
    table = RecordsTable()
    qtbot.addWidget(table)
    table.resize(600, 400)
    table.show()
    qtbot.waitExposed(table)
    table.set_rows([records_model.RecordRow(entry) for entry in many(5000)])
    qtbot.wait(50)
    assert 0 < len({row.entry.key for row in asked}) < 60
    table.view.sortByColumn(SECONDS, Qt.SortOrder.DescendingOrder)
    assert table.model.row(0).entry.seconds == 6


# ---------------------------------------------------------------------------------------- a record


def test_that_a_record_is_shown_with_all_that_is_known_of_it(page, study):
    spec = strong(eps=0.02)
    page.show_record(spec.key)
    view = page.view
    assert view.title.text() == spec.title
    assert spec.key in view.facts.text
    numbers = [view._numbers.itemAt(i).widget().text() for i in range(view._numbers.count())]
    assert "clean accuracy" in numbers
    assert view.pictures.plots[0].data().title == "Accuracy"
    assert view.pictures.figure().row_titles == ("image", "gradient")
    assert "Device" in [label.text() for label in view.origin.findChildren(type(page.table.count))]
    assert made_up.IMAGES.key in view.origin.parents.text()
    assert view.origin.children_.text().count("<a ") == 4
    tree = view.spec
    tops = {
        tree.topLevelItem(i).text(0): tree.topLevelItem(i) for i in range(tree.topLevelItemCount())
    }
    assert tops["scheme"].text(1) == "Adversarial"
    eps = list(tree.findItems("eps", Qt.MatchFlag.MatchRecursive))
    assert any(item.text(1) == "0.02" and item.font(1).bold() for item in eps)


def test_that_a_record_that_cannot_be_read_is_a_sentence_in_its_place(page, study):
    path = study.path / "records" / "training" / f"{strong().key}.h5"
    path.write_bytes(b"no record")
    page.show_record(strong().key)
    assert "cannot be read" in page.view.pictures.words.text()
    assert page.view.title.text() == strong().title


def test_that_links_and_the_page_button_lead_on(page, qtbot):
    page.show_record(strong().key)
    with qtbot.waitSignal(page.workspace.record_asked) as asked:
        page.view.origin.parents.linkActivated.emit(made_up.IMAGES.key)
    assert asked.args == [made_up.IMAGES.key]
    with qtbot.waitSignals([page.go_to, page.workspace.selected]):
        page.view.to_page.click()


def test_that_the_page_of_a_score_is_told_which_network_it_is_about(page, qtbot):
    spec = made_up.scored(strong(), made_up.network())
    page.show_record(spec.key)
    chosen, pages = [], []
    page.workspace.selected.connect(chosen.append)
    page.go_to.connect(pages.append)
    page.view.to_page.click()
    assert pages == [TRADEOFF]
    assert chosen[0] in (strong().key, made_up.network().key)


def test_that_copy_as_command_is_a_plan_of_exactly_this_record(page, tmp_path):
    page.show_record(strong().key)
    page.view.copy_asked.emit("command")
    text = QGuiApplication.clipboard().text()
    if sys.platform != "win32":
        plan = text.split("<<'END_OF_PLAN'\n")[1].split("END_OF_PLAN\n")[0]
        (tmp_path / "plan.toml").write_text(plan, encoding="utf-8")
        assert [spec.key for spec in read_plan(tmp_path / "plan.toml").specs] == [strong().key]
    assert str(page.workspace.study.path.resolve()) in text


def test_that_copy_as_python_builds_and_reads_exactly_this_record(page, capsys):
    spec = made_up.scored(strong(), made_up.network())
    page.show_record(spec.key)
    page.view.copy_asked.emit("python")
    space = {}
    exec(compile(QGuiApplication.clipboard().text(), "snippet", "exec"), space)
    assert space["record"].entry.key == spec.key
    assert "'score'" in capsys.readouterr().out


# ----------------------------------------------------------------------------------------- editing


def test_that_a_typed_title_is_kept_everywhere_and_undone(page, study, qtbot):
    page.show_record(strong().key)
    page.view.title.clear()
    qtbot.keyClicks(page.view.title, "the strong one")
    qtbot.keyClick(page.view.title, Qt.Key.Key_Return)
    page._refresh()
    assert "the strong one" in titles(page)
    assert Study(study.path).entry(strong().key).title == "the strong one"
    page.workspace.edits.stack.undo()
    page._refresh()
    assert page.view.title.text() == strong().title


def test_that_a_note_is_kept_when_another_record_is_chosen(page, study, qtbot):
    page.show_record(strong().key)
    page.view.note.setFocus()
    qtbot.keyClicks(page.view.note, "hm")
    page.show_record(made_up.network().key)
    assert study.labels.of(strong().key).note == "hm"
    assert page.view.note.toPlainText() == ""


def test_that_name_and_notes_of_the_study_are_changed_here(page, study, qtbot):
    page._show_study()
    card = page.study_card
    assert " MB, " in card.facts.text()
    assert card.facts.text().partition("\n")[0].endswith(" s of computing")
    card.name.clear()
    qtbot.keyClicks(card.name, "For the talk")
    qtbot.keyClick(card.name, Qt.Key.Key_Return)
    card.notes.setFocus()
    qtbot.keyClicks(card.notes, "in June")
    card.keep()
    assert Study(study.path).about["name"] == "For the talk"
    assert Study(study.path).about["notes"] == "in June"
    page.workspace.edits.stack.undo()
    page._refresh()
    assert card.notes.toPlainText() == ""


def test_that_deleting_says_how_much_goes_with_it_and_asks(page, study, qtbot):
    page.show_record(strong().key)
    qtbot.keyClick(page.table.view, Qt.Key.Key_Delete)
    box = page._question
    assert "4 records that were computed from it" in box.text()
    assert f"“{strong().title}”" in box.text()
    assert box.informativeText().startswith("They are kept")
    assert "brings them back" in box.informativeText()
    box.done(QMessageBox.StandardButton.Cancel)
    assert study.has(strong())
    page.view.delete.click()
    page.yes.click()
    qtbot.waitUntil(lambda: not study.has(strong()))
    page._refresh()
    assert page.shown_key == ""
    assert strong().title not in titles(page)
    page.workspace.edits.stack.undo()
    page._refresh()
    assert strong().title in titles(page)


def test_that_the_question_about_one_record_speaks_of_one(page):
    page.show_record(made_up.scored(strong(), made_up.network()).key)
    page._ask_to_delete()
    box = page._question
    assert box.informativeText().startswith("It is kept")
    assert "brings it back" in box.informativeText()


def test_that_what_is_being_computed_is_not_deleted_and_nothing_is_asked(page, monkeypatch):
    monkeypatch.setattr(type(page.workspace.runner), "pending", [strong()])
    page.show_record(strong().key)
    page.view.delete.click()
    assert page._question is None
    assert "is being computed" in page.workspace.said[-1][0]


def test_that_the_trash_is_emptied_only_after_a_question(page, study):
    page.workspace.edits.delete([strong().key])
    page._name_trash()
    assert "(5)" in page.empty_trash.text()
    page.empty_trash.trigger()
    assert "5 records" in page._question.text()
    page.yes.click()
    assert not list((study.path / "trash").glob("*/*"))
    page._name_trash()
    assert not page.empty_trash.isEnabled()


# ------------------------------------------------------------------------------------------ linked


def test_that_a_network_that_is_pointed_at_anywhere_tints_its_rows(page):
    page.workspace.highlighted.emit(strong().key)
    model = page.table.model
    tinted = [
        model.row(row).network
        for row in range(model.rowCount())
        if model.index(row, 0).data(Qt.ItemDataRole.BackgroundRole) is not None
    ]
    assert tinted.count(strong().key) == len(tinted) == 5


def test_that_pointing_at_a_row_highlights_its_network_elsewhere(page, qtbot):
    place = page.table.model.place(strong().key)
    with qtbot.waitSignal(page.workspace.highlighted) as said:
        page.table.view.entered.emit(page.table.model.index(place, 0))
    assert said.args == [strong().key]


def test_that_the_table_by_which_a_network_was_opened_is_shown(page, study, qtbot):
    opened = Imported(images=made_up.IMAGES, network=SmallCNN(), name="theirs.pt", digest="ab" * 32)
    table = {"accuracies": as_documents([Tried("none", "by names", 9, 10, True)])}
    entry = made_up.add(study, opened, {"clean_accuracy": 0.9}, documents={"import": table})
    page.workspace.record_added.emit(entry)
    page.show_record(entry.key)
    line = "90.0 % of 10 images with normaliser none, classes by names (taken)"
    qtbot.waitUntil(lambda: line in page.view.findings.text())


def test_that_the_findings_about_a_network_and_its_check_are_said(page, study, qtbot):
    threat = strong().evaluation
    metric = StrongAccuracy(norm=threat.norm, eps=threat.eps)
    spec = Measurement(classifier=strong(), metric=metric, test_images=1000)
    signs = {"no_gradient_share": 0.0, "zero_pixel_share": 0.997, "nonfinite_images": 0}
    check = made_up.add(study, spec, {"accuracy": 0.2, "test_images": 1000, **signs})
    page.show_record(strong().key)
    qtbot.waitUntil(lambda: "1,000 images: doubtful." in page.view.findings.text())
    assert "20.0 % [18, 23] under" in page.view.findings.text()
    assert "Zero pixels: 99.7 %." in page.view.findings.text()
    page._refresh()
    qtbot.waitUntil(lambda: check.key in page.table.model.rows)
    page.show_record(check.key)
    qtbot.waitUntil(lambda: page.view.findings.text().startswith("Zero pixels: 99.7 %."))
    page.show_record(made_up.scored(strong(), made_up.network()).key)
    assert page.view.findings.text() == ""


def test_that_several_records_are_deleted_at_once(page, study):
    model, select = page.table.model, page.table.view.selectionModel()
    keys = [made_up.scored(strong(), made_up.network(), mode).key for mode in ("roar", "kar")]
    flags = QItemSelectionModel.SelectionFlag
    for key in keys:
        select.select(model.index(model.place(key), 0), flags.Select | flags.Rows)
    assert set(page.table.keys) == set(keys)
    page._ask_to_delete()
    page.yes.click()
    assert not any(entry.key in keys for entry in study.entries)


def test_that_what_is_being_typed_survives_new_records(page, study, qtbot):
    page.show_record(strong().key)
    page.view.note.setFocus()
    qtbot.keyClicks(page.view.note, "half a no")
    made_up.add_network(study, made_up.network("linf", 0.3))
    page._refresh()
    qtbot.keyClicks(page.view.note, "te")
    assert page.view.note.toPlainText() == "half a note"


def test_that_what_was_typed_is_kept_when_the_page_is_left(page, study, qtbot):
    page.show_record(strong().key)
    qtbot.keyClicks(page.view.note, "kept")
    page.hide()
    assert Study(study.path).labels.of(strong().key).note == "kept"


def test_that_every_kind_of_record_has_a_page_to_be_seen_on():
    recorded = {kind for kind, cls in KINDS.items() if cls.recorded}
    told = [kind for place in PAGES for kind in place.kinds]
    assert recorded == set(told)
    assert len(told) == len(set(told)), "two pages work with one kind"


def test_that_a_result_in_words_is_shown_beside_numbers(page):
    page.view.show_numbers({"alarm": "not learning " * 9, "images": 12_000, "change": -0.25})
    texts = [page.view._numbers.itemAt(at).widget().text() for at in range(6)]
    assert texts[0] == "alarm"
    assert texts[1].startswith("not learning")
    assert len(texts[1]) == 60
    assert texts[3:] == ["12,000", "change", "−0.25"]


def test_that_columns_give_way_to_titles_in_a_narrow_table(page, study, qtbot):
    view = page.table.view
    page.resize(1400, 700)
    qtbot.waitUntil(lambda: view.viewport().width() > 620)
    assert not any(map(view.isColumnHidden, range(view.model().columnCount())))
    page.resize(930, 700)  # what a page has of a window 1024 wide
    qtbot.waitUntil(lambda: view.isColumnHidden(4))
    assert view.columnWidth(0) >= 200
    page.resize(1400, 700)
    qtbot.waitUntil(lambda: not any(map(view.isColumnHidden, range(view.model().columnCount()))))


def test_that_every_fact_of_where_a_record_was_computed_has_a_name():
    facts = provenance(Slots(torch.device("cpu"), count=1, threads=1), Glyphs(train=20, test=20))
    assert facts.keys() <= NAMES.keys()
