"""Somebody pins charts, and picks images that all pages then speak of, by mouse."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tests.data_sources import real_data
from tests.gui.desktop import Failure, until
from tests.gui.person import CLICK_SECONDS, CLICKS, Person, middle, own_desktop, records

OWN = 1000  # test images of the demo
DROP = (640, 500)


def test_that_charts_are_pinned_and_images_picked_by_mouse(tmp_path: Path) -> None:
    with own_desktop(tmp_path) as desktop, Person(desktop) as watcher:
        watcher.press_text("Open the demo study")
        until(lambda: watcher.look("window.workspace.image_set.class_count") == 10, "the images")
        pin_two_charts(watcher)
        watch_them(watcher)
        pick_images(watcher)
        watcher.quit()


def pin(watcher: Person, title: str, chart: str) -> None:
    """Right-click a chart of a page, and pin it by the menu that opens."""
    watcher.go_to(title)
    until(lambda: watcher.look(f"page.{chart}.canvas.drawn.0") is not None, "the chart's curves")
    watcher.picture(f"page.{chart}.canvas.viewport")
    open_menu(watcher, f"page.{chart}.canvas.viewport")
    watcher.desktop.click(middle(watcher.text_at("Pin this chart", "popup")))
    watcher.sees("popup", None)


def open_menu(watcher: Person, name: str) -> None:
    """Right-click a part; again, if its page was being drawn anew under the pointer."""
    for _ in range(CLICKS):
        watcher.desktop.click(middle(watcher.where(name)), button=3)
        with suppress(Failure):
            until(lambda: watcher.look("popup") is not None, "a menu", CLICK_SECONDS)
            return
    raise Failure(f"{name} has no menu")


def pin_two_charts(watcher: Person) -> None:
    pin(watcher, "Train", "curves.loss")
    pin(watcher, "Boundary", "tilts.plot")
    watcher.sees("window.workspace.pins.pins.1.chart", "tilt")


def watch_them(watcher: Person) -> None:
    """Both stand on one page, lead to where they come from, and are unpinned there."""
    watcher.go_to("Pinned")
    watcher.sees("page.cards.0.plot.title", "Training loss")
    watcher.sees("page.cards.1.source.text", "Boundary")
    watcher.picture("page.cards.1")
    watcher.desktop.shoot("two pinned charts")
    watcher.press("page.cards.1.source")
    until(lambda: watcher.shown() == "Boundary", "where the chart comes from")
    watcher.go_to("Pinned")
    watcher.press("page.cards.0.unpin")
    until(lambda: watcher.look("page.cards.0.source.text") == "Boundary", "the other one alone")
    watcher.desktop.shoot("one pinned chart")
    watcher.press("page.cards.0.unpin")
    watcher.sees("page.empty.isVisible", True)


def pick_images(watcher: Person) -> None:
    """A click on a watched image selects it everywhere; a button of the status bar ends that."""
    watcher.go_to("Train")
    until(lambda: len(watcher.look("page.maps.grid.rows") or ()) > 2, "the watched maps")
    image = watcher.where("page.maps.grid", question="cell", inside="2")
    watcher.desktop.click(middle(image))
    watcher.sees("window.status.selection.text", "1 image selected ✕")
    watcher.desktop.shoot("one image selected")
    (index,) = watcher.look("window.workspace.selection.indices")
    for title in ("Attack", "Maps"):
        watcher.go_to(title)
        until(lambda: list(watcher.look("page.strip.chosen") or ()) == [index], f"it on {title}")
        watcher.desktop.shoot(f"selected on {title}")
    watcher.press("window.status.selection")
    watcher.sees("window.workspace.selection.indices", [])
    until(lambda: watcher.look("page.strip.view.model.rowCount") == OWN, "all images again")


def test_that_mnist_is_dropped_and_trained_on_as_proposed_by_mouse(tmp_path: Path) -> None:
    images = real_data("mnist")
    with own_desktop(tmp_path) as desktop, Person(desktop) as researcher:
        desktop.drag_folder(images, onto=DROP)
        until(lambda: researcher.look("window.workspace.image_set.class_count") == 10, "the images")
        desktop.shoot("dropped")
        study = Path(researcher.look("window.workspace.study.path"))
        researcher.go_to("Train")
        assert researcher.look("page.footer.train.text") == "Train 4 networks"
        researcher.fill("page.form.epochs", "1")  # the proposal is for many
        desktop.shoot("proposed")
        researcher.press("page.footer.train")
        until(lambda: researcher.look("window.workspace.runner.busy"), "a training")
        until(lambda: records(study, "training"), "the first network", 400)
        researcher.picture("page.curves")
        desktop.shoot("first network")
        desktop.keys("ctrl+q")
        researcher.press_text("Quit and stop")
        researcher.gone()
        (first, *_) = records(study, "training").values()
        assert first.epochs == 1
