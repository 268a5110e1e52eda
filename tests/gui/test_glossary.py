"""Every abbreviation and every word of jargon that a page shows is in the glossary."""

import re

import pytest

from gui.look import terms
from tests.gui import said
from tests.gui.whole_study import plane_study, whole_study, workspace_on

# Words in capitals, such as PGD, TF32 or FAB-T, and names with capitals inside, such as AutoAttack.
ABBREVIATION = re.compile(
    r"(?<![\w/.-])(?:[A-Z]+[0-9]*(?:-[A-Z]+)*|[A-Z][a-z]*[A-Z][A-Za-z]*)(?![\w/]|\.\w)"
)
# What a computer's user knows: kinds of files, units, parts of a computer, other programs.
COMMON = {
    *("CSV", "GIF", "HDF5", "HTML", "JPEG", "JSON", "PDF", "PNG", "SVG", "TIFF", "ICC"),
    *("GB", "MB", "RGB", "CPU", "GPU", "CUDA", "TensorFlow", "PyTorch", "OK"),
}
JARGON = (
    *("eps", "norm", "logit", "margin", "latent", "seed", "epoch", "batch", "attribution"),
    *("perturbation", "confusion", "manifold", "tangent", "baseline", "encoder", "momentum"),
)


def abbreviations(text):
    """Return the abbreviations in a text, which may be rich."""
    bare = re.sub(r"<[^>]+>", " ", text)
    return {found for found in ABBREVIATION.findall(bare) if len(found) > 1} - COMMON


def jargon(text):
    bare = re.sub(r"<[^>]+>", " ", text).lower()
    return {word for word in JARGON if re.search(rf"(?<!\w){word}(?!\w)", bare)}


def entries_for(word):
    """Return the glossary's entries whose name, or another word for it, holds a word."""
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
    return [term for term in terms.glossary() if pattern.search(" ".join((term.name, *term.words)))]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return whole_study(tmp_path_factory.mktemp("glossary"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("PGD-10 and FAB-T in TF32", {"PGD", "FAB-T", "TF32"}),
        ("AutoAttack, a DeepLIFT map", {"AutoAttack", "DeepLIFT"}),
        ("<b>ROAR</b>: Remove and Retrain, I say. A PNG", {"ROAR"}),
        ("/a/NAME/b.PNG and x.PDF", set()),
        ("Plain words, Grad-CAM too", set()),
    ],
)
def test_that_abbreviations_are_found_in_texts(text, found):
    assert abbreviations(text) == found


def test_that_every_abbreviation_on_every_page_is_in_the_glossary(qtbot, study, tmp_path):
    seen: dict[str, str] = {}
    for one, only in ((study, ()), (plane_study(tmp_path), ("Boundary", "Records"))):
        workspace = workspace_on(one)
        for title, page in said.pages_on(qtbot, workspace, only):
            texts = said.texts_of(page, tips=True)
            if title == "Records":
                for key in {entry.kind: entry.key for entry in one.entries}.values():
                    page.show_record(key)
                    said.wait(100)
                    for _ in said.each_tab(page.view):
                        texts += said.texts_of(page.view, tips=True)
            for text in texts:
                words = abbreviations(text) | jargon(text)
                seen |= dict.fromkeys(words, f"{title}: {text[:80]}")
        workspace.runner.shutdown()
    assert {"PGD", "ROAR", "KAR", "SGD", "eps", "ReLU", "AutoAttack"} <= set(seen)
    missing = {word: where for word, where in seen.items() if not entries_for(word)}
    assert missing == {}
