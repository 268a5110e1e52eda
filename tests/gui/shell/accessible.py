"""What Qt's accessibility tree says of the controls below a widget."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QTextEdit,
    QWidget,
)

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
)
PARTS_OF = (QAbstractSpinBox, QComboBox, QAbstractItemView, QHeaderView)
NO_ROLE = (QAccessible.Role.NoRole, QAccessible.Role.Client)
ORIENTATIONS = (Qt.Orientation.Horizontal, Qt.Orientation.Vertical)


def controls(root):
    """Yield the controls below a widget, without the parts that Qt builds them from."""
    for control in root.findChildren(QWidget):
        part = isinstance(control, QScrollBar | QHeaderView)
        part |= isinstance(control.parentWidget(), PARTS_OF)
        part |= control.window() is not root.window()  # the list that a combo box opens
        if isinstance(control, CONTROLS) and not part:
            yield control


def headers(root):
    """Yield the headers below a widget that are shown."""
    for header in root.findChildren(QHeaderView):
        if not header.isHidden() and header.model() is not None and header.count():
            yield header


def said(control):
    """Return the name and the role of a control in Qt's accessibility tree."""
    found = QAccessible.queryAccessibleInterface(control)
    name = found.text(QAccessible.Text.Name)
    if isinstance(control, QComboBox) and not control.accessibleName():
        # On Linux, Qt gives the chosen entry for the name; a label may still name the choice.
        labels = found.relations(QAccessible.RelationFlag.Label)
        name = labels[0][0].text(QAccessible.Text.Name) if labels else ""
    return name, found.role()


def nameless_sections(header):
    """Return the numbers of a header's shown sections that have no text to be read."""
    model, orientation = header.model(), header.orientation()
    roles = (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.DisplayRole)
    return [
        section
        for section in range(header.count())
        if not header.isSectionHidden(section)
        and not any(str(model.headerData(section, orientation, role) or "") for role in roles)
    ]


def nameless(root):
    """Return what below a widget has no name or no role, by its place."""
    wrong = {}
    for control in controls(root):
        name, role = said(control)
        if not name.strip() or role in NO_ROLE:
            wrong[path_of(control)] = (name, role)
    for header in headers(root):
        sections = nameless_sections(header)
        if sections:
            wrong[f"sections {sections} of {path_of(header)}"] = header.orientation()
        if not said(header)[0].strip():
            wrong[path_of(header)] = "a header without a name"
    return wrong


def path_of(control):
    chain = []
    while control is not None and len(chain) < 5:
        chain.append(type(control).__name__)
        control = control.parentWidget()
    return " in ".join(chain)
