"""The page of methods is made from the specs."""

from pathlib import Path

from engine.specs.methods import as_markdown

PAGE = Path(__file__).resolve().parent.parent / "docs" / "methods.md"


def test_that_the_page_of_methods_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == as_markdown(), "run python docs/make_methods.py"
