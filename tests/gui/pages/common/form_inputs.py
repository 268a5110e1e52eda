"""Every input below a page: what it holds, and how a user changes it."""

from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
)

from gui.widgets.forms.remembered import is_transient
from tests.gui.shell.accessible import controls, said

TEXTS = ("0.05", "0.25", "1", "0.1, 0.2")


def inputs(page):
    """Return the inputs of a page by a path in Qt's tree, without marked ones and lists."""
    found = {}
    for control in controls(page):
        checkable = isinstance(control, QAbstractButton) and control.isCheckable()
        kinds = QAbstractSpinBox | QComboBox | QAbstractSlider | QLineEdit
        if not (checkable or isinstance(control, kinds)) or isinstance(control, QAbstractItemView):
            continue
        if not _is_left_out(control, page):
            found[_path(control, page)] = control
    return found


def held(control):
    """Return what an input shows."""
    if isinstance(control, QAbstractButton):
        return control.isChecked()
    if isinstance(control, QComboBox):
        return control.currentText()
    if isinstance(control, QLineEdit):
        return control.text()
    return control.value()


def change(control):
    """Give an input another value, as a user could; return whether it has one."""
    before = held(control)
    if isinstance(control, QAbstractButton):
        control.click()
    elif isinstance(control, QComboBox):
        _choose_next(control)
    elif isinstance(control, QLineEdit):
        control.setText(next(text for text in TEXTS if text != before))
        if control.property("invalid"):
            control.setText(before)
    else:
        control.setValue(before + 1 if before < control.maximum() else before - 1)
    return held(control) != before


def _choose_next(combo):
    view = combo.view()
    for step in range(1, combo.count()):
        place = (combo.currentIndex() + step) % combo.count()
        if not (hasattr(view, "isRowHidden") and view.isRowHidden(place)):
            combo.setCurrentIndex(place)
            combo.activated.emit(place)
            return


def _is_left_out(control, page):
    while control is not page:
        if is_transient(control):
            return True
        control = control.parentWidget()
    return is_transient(page)


def _path(control, page):
    """Return classes and places among siblings of one class, from the page to the control."""
    parts = [said(control)[0] if not isinstance(control, QComboBox) else ""]
    while control is not page:
        parent = control.parentWidget()
        alike = [one for one in parent.children() if type(one) is type(control)]
        parts.append(f"{type(control).__name__}{alike.index(control)}")
        control = parent
    return "/".join(reversed(parts))
