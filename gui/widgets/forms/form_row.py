"""A row of a form: label, editor and error message."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from engine.specs.schema import Field
from gui.look import terms
from gui.widgets.forms.field_edit import FieldEdit, FlagField, help_words
from gui.widgets.label import Label


class FormRow:
    """The label, editor and error message of a field."""

    def __init__(self, item: Field, edit: FieldEdit, words: str, parent: QWidget):
        self.item = item
        self.edit = edit
        plain = "\n".join(part for part in (help_words(item), _allowed(item)) if part)
        tip = terms.with_field(item.name, plain)
        edit.setToolTip(tip)
        self.error = error_label(parent)
        self.label: QLabel | None = None
        if isinstance(edit, FlagField):
            edit.box.setText(capital(words))
        elif not edit.wide:
            self.label = label_for(words, edit)
            self.label.setToolTip(tip)

    def add_to(self, grid: QGridLayout, at: int) -> None:
        """Put the row into a form's grid; it takes two of the grid's rows."""
        wide = self.edit.wide
        if self.label is not None:
            grid.addWidget(self.label, at, 0)
        grid.addWidget(self.edit, at, 0 if wide else 1, 1, 2 if wide else 1)
        grid.addWidget(self.error, at + 1, 0, 1, 2)

    def remove(self, grid: QGridLayout) -> None:
        """Take the row out of the form's grid and delete it."""
        for widget in (self.label, self.edit, self.error):
            if widget is not None:
                grid.removeWidget(widget)
                widget.hide()
                widget.deleteLater()

    def set_visible(self, shown: bool) -> None:
        """Show or hide the row; its error message is hidden with it."""
        for widget in (self.label, self.edit):
            if widget is not None:
                widget.setVisible(shown)
        if not shown:
            self.error.hide()

    def show_error(self, text: str) -> None:
        """Show an error message below the editor; "" hides it."""
        say(self.error, "" if self.edit.explains else text)
        self.edit.mark(bool(text))


def _allowed(item: Field) -> str:
    """Return which values are allowed, or "" where the editor lists them."""
    listed = item.is_spec or item.type is bool or (item.choices and not item.many)
    return "" if listed else capital(item.allowed())


def capital(words: str) -> str:
    """Return the words with a capital first letter."""
    return words[:1].upper() + words[1:]


def label_for(words: str, buddy: QWidget) -> QLabel:
    """Return a label with another widget as its buddy."""
    label = Label(capital(words), buddy.parentWidget())
    label.setBuddy(buddy)
    return label


def error_label(parent: QWidget) -> QLabel:
    """Return a hidden label for an error message."""
    label = Label(parent=parent)
    label.setProperty("role", "error")
    label.setWordWrap(True)
    label.hide()
    return label


def say(label: QLabel, text: str) -> None:
    """Show a sentence in the label; "" hides the label."""
    label.setText(text)
    label.setVisible(bool(text))
