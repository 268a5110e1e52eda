"""Every percentage is written with a space before the sign, by one function."""

import ast
import re
from pathlib import Path

import pytest

from engine.texts import percent, unbroken, wrapped

ROOT = Path(__file__).resolve().parent.parent
MODULES = [
    ROOT / "main.py",
    *sorted((ROOT / "docs").glob("*.py")),
    *(
        path
        for part in ("engine", "gui", "packaging")
        for path in sorted((ROOT / part).rglob("*.py"))
    ),
]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
FORMATTED = re.compile(r"%\}")  # "{share:.1%}" of a template that is formatted later
JOINED = re.compile(r"[0-9}]%(?![\w(])")
STYLE = re.compile(r"(width|height|size):[0-9]+%")


def faults(source):
    """Return the lines and texts of percentages that are not written by the function."""
    tree = ast.parse(source)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            for part, after in zip(node.values, [*node.values[1:], None], strict=True):
                follows = after.value if isinstance(after, ast.Constant) else ""
                given = ast.unparse(part.format_spec) if getattr(part, "format_spec", None) else ""
                number = isinstance(part, ast.FormattedValue)
                if number and (given.endswith("%'") or follows.lstrip(" \u00a0").startswith("%")):
                    found.append((part.lineno, ast.unparse(part.value)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = STYLE.sub("", node.value)
            if FORMATTED.search(text) or JOINED.search(text):
                found.append((node.lineno, node.value))
    return found


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [(0.5, 1, "50.0 %"), (0.996, 0, "100 %"), (0.005, None, "0.5 %"), (1.0, None, "100 %")],
)
def test_that_a_share_is_written_with_a_space(share, digits, text):
    assert percent(share, digits) == text


@pytest.mark.parametrize(
    "source",
    [
        'f"{share:.1%} right"',
        'f"{100 * share:.1f} % right"',
        'f"{100 * share:.1f}% right"',
        'f"{100 * share:.1f}\\u00a0% right"',
        '"{y:.0%} right"',
        '"{y:.0f}% right"',
        '"95% of them"',
    ],
)
def test_that_another_spelling_is_found(source):
    assert faults(source)


@pytest.mark.parametrize(
    "source", ['"95 % of them"', '"{y:.1f} % right"', '"width:100%"', '"%s and %d"', '"50%ig"']
)
def test_that_other_texts_are_left_alone(source):
    assert not faults(source)


def test_that_no_module_writes_percentages_otherwise():
    found = {path.relative_to(ROOT).as_posix(): faults(path.read_text("utf-8")) for path in MODULES}
    only_here = found.pop("engine/texts.py")
    assert len(only_here) == 2, "the two branches of percent()"
    assert {path: places for path, places in found.items() if places} == {}


def test_that_no_page_of_the_docs_does():
    found = {path.name: JOINED.findall(path.read_text("utf-8")) for path in PAGES}
    assert {name: places for name, places in found.items() if places} == {}


def test_that_a_number_stays_on_the_line_of_its_sign():
    assert unbroken("from 5 % to 95 %") == "from 5\u00a0% to 95\u00a0%"
    assert wrapped("all but 95 % of it", 10) == ["all but", "95 % of it"]
    assert wrapped("猫猫猫猫 95 % 猫", 11) == ["猫猫猫猫", "95 % 猫"]
