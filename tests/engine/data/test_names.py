import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.safety.names import (
    lookalike_files,
    lookalikes,
    printable,
    raw,
    shown_names,
    shown_paths,
)

# Letters that combine, hide, turn the text round, end a name, stand for bytes, or look alike.
ODD = (
    "aA\\xu4eE\u0301\u0300é\u212b\u00c5\u202e\u200b\u200d\ufe0f \t\n.\udce4\udcf6\u1100\u1161가日\0"
)
NAMES = st.text(st.one_of(st.sampled_from(ODD), st.characters(exclude_characters="/")), min_size=1)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@given(NAMES)
def test_that_a_shown_name_leads_back_and_can_be_stored(name):
    shown = printable(name)
    assert raw(shown) == unicodedata.normalize("NFC", name)
    assert shown.encode()
    assert "\n" not in shown
    assert shown == shown.strip()


@given(st.sets(NAMES, max_size=12))
def test_that_no_two_names_of_a_folder_are_shown_alike(names):
    shown = shown_names(names)
    assert set(shown) == names
    assert len(set(shown.values())) == len(names)
    for name, form in shown.items():
        assert unicodedata.normalize("NFC", raw(form)) == unicodedata.normalize("NFC", name)


@given(st.sets(PATHS, max_size=12))
@settings(max_examples=50)
def test_that_no_two_paths_are_shown_alike(paths):
    shown = shown_paths(paths)
    assert len(set(shown.values())) == len(paths)
    assert all(form.count("/") == path.count("/") for path, form in shown.items())


@pytest.mark.parametrize("name", ["cat", "größe", "日本語", "x y.png", "🦊", "%s {0}", "."])
def test_that_ordinary_names_stay_as_they_are(name):
    assert printable(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("B\udce4r", r"B\xe4r"),
        ("a\nb", r"a\u000ab"),
        ("cat\u202e", r"cat\u202e"),
        ("cat ", r"cat\u0020"),
        ("a\\b", r"a\\b"),
        ("e\u0301", "é"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_that_what_cannot_be_seen_is_escaped(name, shown):
    assert printable(name) == shown


def test_that_a_composed_name_keeps_its_form_beside_the_other():
    assert shown_names(["e\u0301", "é"]) == {"é": "é", "e\u0301": r"e\u0301"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cat", "Cat"),
        ("é", r"e\u0301"),
        ("cat", r"cat\u202e"),
        ("cat", r"c\u200bat"),
        ("cat", "cat."),
        ("cat", r"cat\u0020"),
        ("cat", "ｃａｔ"),
        ("straße", "STRASSE"),
        ("a b", r"a\u00a0b"),
        ("cat", "c\u0430t"),
        ("CT", "\u0421\u0422"),
        ("NO", "\u039d\u039f"),
        ("istanbul", "\u0130stanbul"),
        ("istanbul", "\u0131stanbul"),
    ],
)
def test_that_names_that_look_alike_are_found(one, other):
    assert lookalikes([one, "dog", other]) == [sorted([one, other])]


@pytest.mark.parametrize(
    ("one", "other"),
    [("cat", "cut"), ("\u0434\u0430", "aa"), (r"B\xe4r", r"B\xf6r"), ("1.", "10.")],
)
def test_that_names_that_look_different_are_not(one, other):
    assert lookalikes([one, other]) == []


def test_that_files_look_alike_only_within_a_folder():
    paths = ["a/x.png", "b/x.PNG", "b/x.png", "A/y.png"]
    assert lookalike_files(paths) == [["A", "a"], ["b/x.PNG", "b/x.png"]]
