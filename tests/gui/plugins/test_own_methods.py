"""Methods of the user in the window: asked about, remembered, in every form, missing."""

import json

import pytest
from PySide6.QtWidgets import QMessageBox

import main as program
from engine.cli.main import main
from engine.cli.templates import TEMPLATES
from engine.plugins import forget, load, loaded
from engine.specs import AttributionSpec
from engine.store.study import Study
from gui.look import settings
from gui.look.terms import glossary
from gui.pages.records.page import RecordsPage
from gui.pages.retrain.page import RetrainPage
from gui.pages.train.form import TrainForm
from gui.plugins.dialog import OwnMethodsDialog, ask_to_run
from gui.plugins.own_methods import OwnMethods
from gui.session.workspace import Workspace
from gui.widgets.forms.method_picker import MethodPicker
from gui.widgets.forms.spec_form import SpecForm
from tests import made_up_study as made_up
from tests.engine.test_plugins import PLAN
from tests.gui.fakes import WAIT_MS


@pytest.fixture(autouse=True)
def unloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CONFIG", str(tmp_path / "config"))
    yield
    for plugin in loaded():
        forget(plugin)


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "mine.py"
    found.write_text(TEMPLATES["attribution"])
    return found


@pytest.fixture
def workspace(qtbot):
    found = Workspace()
    found.said = []
    found.message.connect(lambda text, error: found.said.append((text, error)))
    found.runner.loaded = True
    yield found
    found.runner.shutdown()


def started(workspace, *named):
    own = OwnMethods(workspace, named)
    workspace.runner.ready.emit()
    return own


def allowed(qtbot, workspace, path):
    """Allow a file in the window, and return what keeps the files."""
    from engine.plugins import digest_of

    own = started(workspace)
    own.allow(path, digest_of(path))
    qtbot.waitUntil(lambda: bool(loaded()), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: path in settings.own_methods(), timeout=WAIT_MS)
    return own


def question(qtbot, parent):
    qtbot.waitUntil(lambda: bool(parent.findChildren(QMessageBox)), timeout=WAIT_MS)
    return parent.findChildren(QMessageBox)[-1]


def press(box, words):
    (button,) = [one for one in box.buttons() if one.text() == words]
    button.click()


def test_that_a_file_runs_only_after_a_question_that_says_it_is_a_program(qtbot, workspace, path):
    dialog = OwnMethodsDialog(started(workspace))
    qtbot.addWidget(dialog)
    dialog.take(str(path))
    box = question(qtbot, dialog)
    assert f"Run the code in {path}?" in box.text()
    assert "can do everything that you can" in box.informativeText()
    assert box.defaultButton().text() == "Cancel"
    press(box, "Cancel")
    assert loaded() == ()
    assert settings.own_methods() == {}
    dialog.take(str(path))
    press(question(qtbot, dialog), "Run it")
    qtbot.waitUntil(lambda: bool(loaded()), timeout=WAIT_MS)
    (plugin,) = loaded()
    qtbot.waitUntil(lambda: dialog.list.count() == 1, timeout=WAIT_MS)
    assert dialog.list.item(0).text() == "mine.py: Blurred gradient"
    assert settings.own_methods() == {path: plugin.origin.digest}


def test_that_every_open_form_has_the_method_at_once(qtbot, workspace, tmp_path, path):
    scheme = tmp_path / "scheme.py"
    scheme.write_text(TEMPLATES["scheme"])
    form, picker, train = SpecForm(AttributionSpec), MethodPicker(AttributionSpec), TrainForm()
    retrain = RetrainPage(workspace)
    for widget in (form, picker, train, retrain):
        qtbot.addWidget(widget)
    chosen = form.spec()
    allowed(qtbot, workspace, path)
    assert form.spec() == chosen
    form.select_kind("blurred_gradient")
    assert form.spec().side == 3
    assert picker.boxes["blurred_gradient"].text() == "Blurred gradient"
    assert not picker.boxes["blurred_gradient"].isChecked()
    assert retrain.method.findData("blurred_gradient") >= 0
    assert "blurred_gradient" in retrain.form.methods.boxes
    assert train.live_maps.select_kind("blurred_gradient") is None
    assert "Blurred gradient" in {term.name for term in glossary()}

    own = OwnMethods(workspace)
    from engine.plugins import digest_of

    own.allow(scheme, digest_of(scheme))
    qtbot.waitUntil(lambda: len(loaded()) == 2, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: len(train.sections) == len(train.schemes.rows), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: train.sections[-1].scheme.kind == "half_and_half", timeout=WAIT_MS)
    section = train.sections[-1]
    assert not section.isHidden()
    for one in train.sections:
        one.box.setChecked(one is section)
    from tests.engine.conftest import GLYPHS

    assert {spec.scheme.kind for spec in train.trainings(GLYPHS)} == {"half_and_half"}


def test_that_an_allowed_file_is_loaded_at_the_next_start_without_a_question(
    qtbot, workspace, path
):
    allowed(qtbot, workspace, path)
    forget(loaded()[0])
    asked = []
    own = OwnMethods(workspace)
    own.asked.connect(asked.append)
    workspace.runner.ready.emit()
    qtbot.waitUntil(lambda: bool(loaded()), timeout=WAIT_MS)
    assert asked == []


def test_that_a_changed_file_is_asked_about_again_and_not_run(qtbot, workspace, tmp_path, path):
    allowed(qtbot, workspace, path)
    forget(loaded()[0])
    ran = tmp_path / "ran"
    path.write_text(f"{TEMPLATES['attribution']}\nopen({str(ran)!r}, 'w')\n")
    own, parent = OwnMethods(workspace), TrainForm()
    qtbot.addWidget(parent)
    own.asked.connect(lambda changed: ask_to_run(own, changed, parent))
    workspace.runner.ready.emit()
    box = question(qtbot, parent)
    assert "which has changed since you allowed it" in box.text()
    assert not ran.exists()
    assert loaded() == ()
    press(box, "Run it")
    qtbot.waitUntil(lambda: bool(loaded()), timeout=WAIT_MS)
    assert ran.exists()


def test_that_a_file_that_is_removed_is_not_loaded_at_the_next_start(qtbot, workspace, path):
    own = allowed(qtbot, workspace, path)
    dialog = OwnMethodsDialog(own)
    qtbot.addWidget(dialog)
    dialog.list.setCurrentRow(0)
    dialog.remove.click()
    assert settings.own_methods() == {}
    assert "not run any more from the next start on" in dialog.later.text()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def (", "mine.py, line 1: invalid syntax"),
        ("import no_such_thing", "mine.py, line 1: ModuleNotFoundError: No module named"),
        ("1 / 0", "mine.py, line 1: ZeroDivisionError: division by zero"),
        ("raise SystemExit", "mine.py, line 1: SystemExit"),
    ],
)
def test_that_a_bad_file_is_one_sentence_and_the_window_lives(
    qtbot, workspace, path, text, sentence
):
    path.write_text(text)
    own = started(workspace, path)
    qtbot.waitUntil(lambda: bool(workspace.said), timeout=WAIT_MS)
    ((said, is_error),) = workspace.said
    assert is_error
    assert said.startswith(sentence)
    assert "\n" not in said
    dialog = OwnMethodsDialog(own)
    qtbot.addWidget(dialog)
    assert dialog.list.item(0).text() == said
    assert dialog.again.isEnabled()
    assert settings.own_methods() == {}


def test_that_a_study_opened_without_the_plugin_shows_its_records(qtbot, workspace, tmp_path, path):
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    folder = tmp_path / "s"
    run = ["run", str(plan), "--study", str(folder), "--device", "cpu", "--plugin", str(path)]
    assert main(run) == 0
    (plugin,) = loaded()
    entry = next(one for one in Study(folder).entries if one.kind == "maps")
    forget(plugin)
    own = started(workspace)
    page = RecordsPage(workspace)
    qtbot.addWidget(page)
    page.show()
    assert workspace.open_study(folder)
    missing = f"the plugin mine.py (SHA-256 {plugin.origin.digest[:12]}), which is not loaded"
    told = [text for text, error in workspace.said if not error]
    assert any(text.startswith(f"1 record needs {missing}") for text in told)
    qtbot.waitUntil(lambda: page.table.model.total == 3, timeout=WAIT_MS)
    page.show_record(entry.key)
    qtbot.waitUntil(lambda: missing in page.view.findings.text(), timeout=WAIT_MS)
    assert "attributions (8, 1, 28, 28)" in page.view.findings.text()
    assert page.view.title.text() == entry.title
    assert not page.view.use.isEnabled()
    assert page.view.pictures.grid.isVisibleTo(page.view.pictures)
    page._copy("command")
    assert missing in workspace.said[-1][0]
    # Once the file is loaded, the record is understood without being read again.
    own.allow(path, plugin.origin.digest)
    qtbot.waitUntil(lambda: bool(loaded()), timeout=WAIT_MS)
    assert workspace.study.entry(entry.key).known_spec is not None


@pytest.mark.parametrize("whole", [True, False])
def test_that_a_file_that_is_still_being_loaded_is_not_said_to_be_missing(
    qtbot, workspace, tmp_path, path, whole
):
    plugin, study = load(path), Study(tmp_path / "s", create=True)
    made_up.add_network(study, made_up.network())
    made_up.add_maps(study, made_up.network(), plugin.module.BlurredGradient())
    forget(plugin)
    if not whole:
        path.write_text(path.read_text() + "\nnonsense(")
    own = started(workspace, path)
    assert workspace.open_study(study.path)
    qtbot.waitUntil(lambda: bool(loaded() if whole else own.faults), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not own._loading, timeout=WAIT_MS)
    lacking = [text for text, _ in workspace.said if "1 record needs the plugin" in text]
    assert len(lacking) == (0 if whole else 1)


def test_that_the_command_line_names_plugins_before_paths_and_with_commands(path, capsys):
    for given in (
        ["--plugin", "a.py", "--plugin=b.py", "x"],
        ["x", "--plugin=a.py", "--plugin", "b.py"],
    ):
        assert program._taken_from(given, "--plugin") == (["a.py", "b.py"], ["x"])
    assert program._taken_from(["x", "--plugin"], "--plugin") == ([], ["x", "--plugin"])
    assert program.main(["--plugin", str(path), "methods", "attributions", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["methods"]
    assert "blurred_gradient" in {method["kind"] for method in listed}
    assert load(path) in loaded()
