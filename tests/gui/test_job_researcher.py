"""The researcher's job: a sweep, its scores, a figure and a report; then an end in the middle."""

from __future__ import annotations

from pathlib import Path

from engine.cli.main import main
from tests.gui.desktop import Desktop, until
from tests.gui.person import Person, own_desktop, records

PLAN = """
title = "A few digits"
run = ["images"]

[specs.images]
kind = "glyphs"
train = 200
test = 100
"""
EPOCHS = 2
LONG = 400
FRACTIONS = (0.5, 0.9)


def test_that_a_researcher_scores_a_sweep_exports_it_and_loses_nothing_by_quitting(
    tmp_path: Path,
) -> None:
    study = begun_study(tmp_path)
    with own_desktop(tmp_path) as desktop:
        with Person(desktop, study) as researcher:
            sweep(researcher, study)
            score(researcher, study)
            export_the_tradeoff(researcher, tmp_path / "trade-off.pdf")
            write_the_report(researcher, tmp_path / "report.pdf")
            quit_while_training(researcher, study)
        check(study)
        come_back(desktop, study)
    check(study)


def begun_study(home: Path) -> Path:
    """Make a study of a few images as a script would."""
    plan, study = home / "images.toml", home / "digits.isthmus"
    plan.write_text(PLAN, encoding="utf-8")
    headless("run", plan, "--study", study)
    return study


def headless(*arguments: object) -> None:
    """Run a headless command, which must end well."""
    assert main(list(map(str, arguments))) == 0


def check(study: Path) -> None:
    """See that every record is whole."""
    headless("check", "--study", study)


def sweep(researcher: Person, study: Path) -> None:
    """Train a standard and an adversarial network, all by keyboard but for the fields."""
    until(lambda: researcher.look("window.workspace.image_set.class_count") == 10, "the images")
    researcher.desktop.keys("ctrl+3")
    until(lambda: researcher.shown() == "Train", "the page Train")
    researcher.fill("page.form.attack.sweep._edits.linf.line", "0.05")
    researcher.fill("page.form.epochs", str(EPOCHS))
    researcher.sees("page.footer.train.text", "Train 2 networks")
    researcher.desktop.keys("ctrl+Return")
    until(lambda: len(records(study, "training")) == 2, "two networks")
    schemes = {spec.scheme.kind: spec.scheme for spec in records(study, "training").values()}
    assert sorted(schemes) == ["adversarial", "standard"]
    assert schemes["adversarial"].attack.eps == 0.05


def score(researcher: Person, study: Path) -> None:
    """Score both networks' gradients by ROAR at two fractions, once each."""
    researcher.desktop.keys("ctrl+7")
    until(lambda: researcher.shown() == "Retrain", "the page Retrain")
    until(lambda: len(researcher.look("page.form.networks") or ()) == 2, "both networks")
    researcher.tick("page.form.methods.boxes.gradient_x_input", False)
    researcher.tick("page.form.modes.kar", False)
    researcher.fill("page.form.fractions.line", ", ".join(map(str, FRACTIONS)))
    researcher.fill("page.form.repeats", "1")
    researcher.desktop.shoot("before scoring")
    researcher.press("page.form.compute")
    until(lambda: len(records(study, "interpretability")) == 2, "both scores")
    for spec in records(study, "interpretability").values():
        assert (spec.mode, spec.attribution.kind) == ("roar", "gradient")
        assert (spec.fractions, spec.repeats) == (FRACTIONS, 1)
    researcher.picture("page.plot")
    researcher.desktop.shoot("after scoring")


def export_the_tradeoff(researcher: Person, path: Path) -> None:
    """Through the chart's own button and both dialogs."""
    researcher.desktop.keys("ctrl+8")
    until(lambda: researcher.shown() == "Trade-off", "the page Trade-off")
    until(lambda: len(researcher.ask("dots", "page.plot").get("value", ())) == 2, "both dots")
    researcher.press_text("Export…", "page.plot")
    researcher.desktop.window("^Export$")
    until(lambda: not researcher.look("dialog._pixmap.isNull"), "the preview")
    researcher.desktop.shoot("export")
    researcher.desktop.keys("Return")
    researcher.name_file("Save the figure", path)
    until(path.is_file, "the figure")
    until(lambda: not researcher.desktop.windows("^Export$"), "the end of the export")
    assert path.read_bytes().startswith(b"%PDF-")


def write_the_report(researcher: Person, path: Path) -> None:
    """Through the menu, by mouse."""
    researcher.press_text("File")
    researcher.press_text("Report of the study…")
    researcher.name_file("Report of the study", path)
    until(lambda: path.is_file() and path.read_bytes().rstrip().endswith(b"%%EOF"), "the report")
    assert path.read_bytes().startswith(b"%PDF-")
    researcher.desktop.shoot("report")


def quit_while_training(researcher: Person, study: Path) -> None:
    """Staying is the answer at first; quitting stops what runs, and says so beforehand."""
    researcher.desktop.keys("ctrl+3")
    until(lambda: researcher.shown() == "Train", "the page Train")
    researcher.fill("page.form.epochs", str(LONG))
    researcher.desktop.keys("ctrl+Return")
    until(lambda: researcher.look("window.workspace.runner.busy"), "a training")
    researcher.desktop.keys("ctrl+q")
    researcher.desktop.window("^Quit Isthmus")
    researcher.desktop.shoot("question")
    researcher.press_text("Keep running")
    until(lambda: not researcher.desktop.windows("^Quit Isthmus"), "the question being gone")
    assert researcher.look("window.workspace.runner.busy")
    researcher.desktop.keys("ctrl+q")
    researcher.press_text("Quit and stop")
    researcher.gone()
    assert len(records(study, "training")) == 2


def come_back(desktop: Desktop, study: Path) -> None:
    """Open the study from the list of recent ones: what was computed is there, and is shown."""
    with Person(desktop) as researcher:
        place = researcher.text_at(study.stem, "page.recent")
        desktop.click((place[0] + 40, place[1] + place[3] // 2), times=2)
        until(lambda: researcher.look("window.workspace.study.path") == str(study), "the study")
        researcher.desktop.keys("ctrl+8")
        until(lambda: researcher.shown() == "Trade-off", "the page Trade-off")
        until(lambda: len(researcher.ask("dots", "page.plot").get("value", ())) == 2, "both dots")
        researcher.desktop.shoot("back")
        researcher.quit()
