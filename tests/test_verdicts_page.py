"""The page on verdicts has every word of the code, and its tests are there."""

import ast
import re
from pathlib import Path

import pytest

from engine.tradeoff.scores import VERDICTS
from engine.tradeoff.verdicts import CHECKS, SIGNS
from engine.training.alarms import ALARMS

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
NO_VERDICTS = {  # Literal aliases of other things: a new one is put here, or its words on the page
    "Abscissa": "what a chart is drawn against",
    "Start": "where a painting begins",
    "Way": "axes of a plane",
}
PLACES = ("engine/tradeoff", "engine/manifold", "engine/measures", "engine/figures/frontier")


def aliases():
    """Yield name and words of every alias of a Literal in the packages that judge."""
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
                    kind, words = node.value.value, node.value.slice
                    if getattr(kind, "id", "") == "Literal":
                        yield node.targets[0].id, ast.literal_eval(words)


WORDS = {word for name, words in aliases() if name not in NO_VERDICTS for word in words} | {
    *CHECKS,
    *SIGNS,
    *ALARMS,
}


def test_that_the_words_are_found():
    assert {"agrees", "holds", "doubtful", "dominates", "a trade-off", "held", "likely"} <= WORDS


@pytest.mark.parametrize("word", sorted(WORDS))
def test_that_every_word_of_the_code_is_on_the_page(word):
    assert any(f"`{word}`" in row.split("|")[1] for row in ROWS), word


def test_that_words_in_windows_are_those_of_the_code():
    assert all(f"`{word}`" in PAGE for word in VERDICTS)
    assert all(said in PAGE for said in VERDICTS.values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_that_the_test_of_a_row_is_there(row):
    (named,) = re.findall(r"`([\w/]+\.py)(?:::(\w+))?` \|$", row)
    path = next(p for p in (ROOT / "tests" / "engine", ROOT / "tests") if (p / named[0]).is_file())
    assert not named[1] or f"def {named[1]}(" in (path / named[0]).read_text(encoding="utf-8")
