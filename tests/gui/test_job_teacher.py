"""The teacher's job: the demo study, in a minute, by mouse."""

from __future__ import annotations

from pathlib import Path

from tests.gui.desktop import until
from tests.gui.person import Person, middle, own_desktop

STEPS = 8


def test_that_a_teacher_shows_the_argument_on_the_demo_study_by_mouse(tmp_path: Path) -> None:
    with own_desktop(tmp_path) as desktop, Person(desktop) as teacher:
        open_the_demo(teacher)
        strengthen_the_attack(teacher)
        measure_a_metric(teacher)
        compare_the_maps(teacher)
        follow_a_dot(teacher)
        take_the_tour(teacher)
        teacher.quit()


def open_the_demo(teacher: Person) -> None:
    teacher.press_text("Open the demo study")
    until(lambda: teacher.look("window.workspace.image_set.class_count") == 10, "the demo's images")
    teacher.desktop.shoot("demo")


def strengthen_the_attack(teacher: Person) -> None:
    """Drag the radius far to the right: the picture of the attacked digit changes."""
    teacher.go_to("Attack")
    until(lambda: teacher.look("page.columns.0.result") is not None, "an attacked picture")
    before = teacher.picture("page.columns.0.adversarial")
    eps = teacher.look("page.form.eps.value")
    teacher.desktop.shoot("attack")
    handle = middle(teacher.where("page.form.eps.slider", question="handle"))
    left, _, width, _ = teacher.where("page.form.eps.slider")
    teacher.desktop.drag(handle, (left + width * 9 // 10, handle[1]))
    assert teacher.look("page.form.eps.value") > 1.5 * eps
    until(lambda: teacher.picture("page.columns.0.adversarial") != before, "another picture")
    teacher.desktop.shoot("attack stronger")


def measure_a_metric(teacher: Person) -> None:
    """Both chosen networks get a number each, which stands in the table."""
    teacher.press_text("Metrics", "page.tabs")
    measured = teacher.look("page.metrics.table.rowCount")  # the check of each of the two
    teacher.press("page.metrics.measure")
    until(lambda: teacher.look("page.metrics.table.rowCount") == 2 + measured, "a number a network")
    teacher.desktop.shoot("metrics")


def compare_the_maps(teacher: Person) -> None:
    """Standard and robust networks stand side by side, each with maps of its own."""
    teacher.go_to("Maps")
    until(lambda: len(teacher.look("page.picker.networks") or ()) >= 2, "two networks")
    schemes = [teacher.look(f"page.picker.networks.{place}.spec.scheme.kind") for place in (0, 1)]
    assert schemes == ["standard", "adversarial"]
    until(lambda: len(teacher.look("page._table.headings") or ()) > 2, "their maps")
    teacher.press("page.methods.list.more")
    teacher.tick("page.methods.boxes.integrated_gradients", True)
    until(lambda: len(teacher.look("page._table.headings") or ()) > 4, "maps of another method")
    teacher.picture("page.grid")
    teacher.desktop.shoot("maps")


def follow_a_dot(teacher: Person) -> None:
    """Pointing at a dot shows the network's card, a click its record."""
    teacher.go_to("Trade-off")
    dots = until(lambda: teacher.ask("dots", "page.plot").get("value"), "the networks as dots")
    assert len(dots) == 4
    key, place = sorted(dots.items())[0]
    teacher.desktop.point(tuple(place))
    teacher.sees("page.card.key", key)
    teacher.picture("page.card")
    teacher.desktop.shoot("hovered dot")
    teacher.desktop.click(tuple(place))
    until(lambda: teacher.shown() == "Records", "the records")
    teacher.sees("page.shown_key", key)
    teacher.desktop.shoot("record")


def take_the_tour(teacher: Person) -> None:
    """Walk through all steps by their button, and end with Escape at the last one."""
    teacher.press_text("Help")
    teacher.press_text("Guided tour")
    for number in range(1, STEPS + 1):
        teacher.sees("window.tour.card.count.text", f"Step {number} of {STEPS}")
        if number < STEPS:
            teacher.press("window.tour.card.next")
    teacher.desktop.keys("Escape")
    teacher.sees("window.tour.running", False)
    assert not teacher.look("window.rail.has_focus")
