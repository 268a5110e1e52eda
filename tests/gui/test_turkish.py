"""What breaks where the system's language is Turkish, whose large i has a dot.

PySide finds the setter of a keyword such as ``interval`` by a large first letter, which a Turkish
environment does not give it: the constructor raises.
"""

import ast
from pathlib import Path

import pytest
from PySide6 import QtCore, QtGui, QtWidgets

from gui.widgets.timer import timer

ROOT = Path(__file__).resolve().parents[2]


def properties():
    """Return the names of Qt's properties and signals that begin with i."""
    names = set()
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            meta = getattr(getattr(module, name), "staticMetaObject", None)
            if isinstance(meta, QtCore.QMetaObject):
                names |= {meta.property(at).name() for at in range(meta.propertyCount())}
                methods = [meta.method(at) for at in range(meta.methodCount())]
                signal = QtCore.QMetaMethod.MethodType.Signal
                names |= {m.name().toStdString() for m in methods if m.methodType() == signal}
    return {name for name in names if name.startswith("i")}


def keywords(source, names):
    """Return the calls in a source that have one of these keywords."""
    return [
        f"{ast.unparse(call.func)}({keyword.arg}=...)"
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg in names
    ]


def test_that_no_property_that_begins_with_i_is_a_keyword_of_a_constructor():
    names = properties()
    assert {"interval", "icon", "iconSize", "indent", "itemClicked"} <= names
    assert keywords("QTimer(self, interval=3)", names) == ["QTimer(interval=...)"]
    found = {
        str(path.relative_to(ROOT)): calls
        for path in sorted((ROOT / "gui").rglob("*.py"))
        if (calls := keywords(path.read_text("utf-8"), names))
    }
    assert not found


@pytest.mark.parametrize("once", [True, False])
def test_that_a_timer_is_as_it_was_asked_for(once):
    parent = QtCore.QObject()
    made = timer(parent, 70, once=once)
    assert (made.interval(), made.isSingleShot(), made.isActive()) == (70, once, False)
    assert made.parent() is parent
