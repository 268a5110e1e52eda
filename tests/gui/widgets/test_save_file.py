"""No file is replaced about which the dialog did not ask."""

import pytest
from PIL import Image
from PySide6.QtWidgets import QFileDialog

from engine.store.outputs import ANIMATION, OutputError, is_agreed, output
from gui.widgets.save_file import ask_save


@pytest.fixture
def dialog(monkeypatch, tmp_path):
    """Answer the dialog by these names, one after the other; return what was proposed."""

    def answered(*names):
        left, proposed = list(names), []

        def answer(parent, title, start, kinds):
            proposed.append(start)
            name = left.pop(0)
            return (f"{tmp_path}/{name}" if name else ""), ""

        monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
        found = ask_save(None, "Save", str(tmp_path / "a.gif"), "", (".gif", ".png"))
        assert not left
        return found, proposed[1:]

    return answered


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("a", "a.gif"),
        ("a.v2", "a.v2.gif"),
        ("a.GIF", "a.GIF"),
        ("a.png", "a.png"),
        ("a.", "a..gif"),
    ],
)
def test_that_an_ending_is_added_where_there_is_none(dialog, tmp_path, typed, named):
    assert dialog(typed) == (tmp_path / named, [])


@pytest.mark.parametrize("typed", ["a.gif/", "a.gif/."])
def test_that_a_name_with_a_slash_at_its_end_is_shown_again_without_it(dialog, tmp_path, typed):
    (tmp_path / "a.gif").write_text("mine")
    assert dialog(typed, "") == (None, [str(tmp_path / "a.gif")])
    assert not is_agreed(tmp_path / "a.gif")


@pytest.mark.parametrize("typed", ["a", "a.v2"])
@pytest.mark.parametrize("there", ["file", "folder", "link to nothing"])
def test_that_a_file_of_the_whole_name_is_asked_about(dialog, tmp_path, typed, there):
    whole = tmp_path / f"{typed}.gif"
    match there:
        case "file":
            whole.write_text("x")
        case "folder":
            whole.mkdir()
        case _:
            whole.symlink_to("nothing")
    assert dialog(typed, "") == (None, [str(whole)])
    assert dialog(typed, "other") == (tmp_path / "other.gif", [str(whole)])
    assert dialog(typed, whole.name) == (whole, [str(whole)])  # the dialog has asked


@pytest.mark.parametrize(("typed", "asked"), [("a.png", True), ("a", False)])
def test_that_only_a_file_about_which_the_dialog_asked_is_replaced_whoever_wrote_it(
    dialog, tmp_path, typed, asked
):
    path, _ = dialog(typed)
    Image.new("L", (4, 4)).save(path)  # a file of the user's; the second appears after the dialog
    if asked:
        with output(path, ANIMATION) as temporary:
            temporary.write_bytes(b"drawn")
        Image.new("L", (4, 4)).save(path)
    with pytest.raises(OutputError, match="did not write it"), output(path, ANIMATION):
        pytest.fail("it was replaced though nobody was asked")
