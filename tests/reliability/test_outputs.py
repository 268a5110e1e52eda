"""No output lands inside a study or on a file of another kind, whichever command writes it."""

import io
import os
import shutil
import socket

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine import api
from engine.cli.main import main
from engine.figures import drawing, report
from engine.figures.cells import csv_lines
from engine.figures.charts import ChartData, FigureError, Series
from engine.store.outputs import (
    ANIMATION,
    COMPARISON_COLUMNS,
    MADE_BY,
    OutputError,
    check,
    is_study,
    output,
)
from engine.store.packing import pack, unpack
from engine.store.study import Study, StudyError
from tests.golden.make import HERE
from tests.reliability.made_up_runs import IMAGES_PLAN

CHART = ChartData((Series("s", [1.0, 2.0], [1.0, 2.0]),), title="chart")
ENDINGS = ("csv", "svg", "png", "pdf", "h5")


@pytest.fixture
def study(tmp_path):
    return shutil.copytree(HERE / "v0.1.isthmus", tmp_path / "s.isthmus")


@pytest.fixture
def other(tmp_path):
    return shutil.copytree(HERE / "v0.1.isthmus", tmp_path / "other.isthmus")


def bytes_of(folder):
    """Return the bytes of everything below a folder; of a study, without what opening writes."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def identity(path):
    """Return what tells whether a path still names the same, unchanged file, folder or device."""
    found = os.lstat(path)
    return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns


# Every way to write a file that the user names -> (its ending, a function of study and path).
FIGURES_BY_COMMAND = {
    f"export {ending}": (
        ending,
        lambda study, path: main(["export", "--study", str(study), "curves", "--out", str(path)]),
    )
    for ending in ENDINGS
}
BY_COMMAND = {
    "pack": ("h5", lambda study, path: main(["pack", "--study", str(study), "--out", str(path)])),
    **FIGURES_BY_COMMAND,
    "export report": (
        "pdf",
        lambda study, path: main(["export", "--study", str(study), "report", "--out", str(path)]),
    ),
}
BY_FUNCTION = {
    "pack": ("h5", lambda study, path: pack(Study(study), path)),
    "save_figure": ("pdf", lambda study, path: api.save_figure(Study(study), "curves", path)),
    "save": ("png", lambda study, path: drawing.save(CHART, path)),
    "save_as": ("h5", lambda study, path: drawing.save_as(CHART, path)),
    "write_report": ("pdf", lambda study, path: report.write_report(Study(study), path)),
    "write_pictures": ("pdf", lambda study, path: report.write_pictures([CHART], "t", path)),
    "output": ("csv", lambda study, path: _put(path)),
}


def _put(path):
    with output(path) as temporary:
        temporary.write_text("a,b\n")


def link_to(target, link):
    link.symlink_to(target)
    return link


# Where an output must not go -> a function of (study, another study, a folder, the file's name).
PLACES = {
    "study": lambda s, o, home, name: s / name,
    "records": lambda s, o, home, name: s / "records" / "training" / name,
    "new folder": lambda s, o, home, name: s / "figures" / name,
    "another study": lambda s, o, home, name: o / "records" / name,
    "dots": lambda s, o, home, name: s / "records" / ".." / ".." / s.name / "records" / name,
    "linked folder": lambda s, o, home, name: link_to(s / "records", home / "l") / name,
    "linked study": lambda s, o, home, name: link_to(o, home / "l") / name,
    "link": lambda s, o, home, name: link_to(next(s.glob("records/*/*.h5")), home / name),
    "link to nothing": lambda s, o, home, name: link_to(s / "records" / name, home / name),
    "link in a study": lambda s, o, home, name: link_to(home / "x", s / name),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", BY_COMMAND)
def test_that_no_command_writes_into_a_study(study, other, tmp_path, capsys, command, place):
    ending, run = BY_COMMAND[command]
    path = PLACES[place](study, other, tmp_path, f"out.{ending}")
    Study(study), Study(other)
    before = bytes_of(tmp_path)
    assert run(study, path) == 2
    said = capsys.readouterr().err.strip()
    assert "lies in the study" in said
    assert "\n" not in said
    assert bytes_of(tmp_path) == before


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("function", BY_FUNCTION)
def test_that_no_function_writes_into_a_study(study, other, tmp_path, function, place):
    ending, write = BY_FUNCTION[function]
    path = PLACES[place](study, other, tmp_path, f"out.{ending}")
    Study(study), Study(other)
    before = bytes_of(tmp_path)
    with pytest.raises((StudyError, FigureError, OutputError), match="lies in the study"):
        write(study, path)
    assert bytes_of(tmp_path) == before


def a_folder(path, study):
    path.mkdir()


def a_pipe(path, study):
    os.mkfifo(path)


def a_socket(path, study):
    socket.socket(socket.AF_UNIX).bind(str(path))


def a_device(path, study):
    path.symlink_to("/dev/null")


def an_endless_device(path, study):
    path.symlink_to("/dev/zero")


def a_record(path, study):
    shutil.copy(next(study.glob("records/*/*.h5")), path)


def a_record_by_a_hard_link(path, study):
    os.link(next(study.glob("records/*/*.h5")), path)


def study_json_by_a_hard_link(path, study):
    os.link(study / "study.json", path)


def the_index_by_a_hard_link(path, study):
    Study(study)
    os.link(study / "index.jsonl", path)


def weights(path, study):
    path.write_bytes(b"PK\x03\x04" + bytes(range(256)))


def notes(path, study):
    path.write_bytes(b"\xff\xfe\x00 my only notes")


def a_photograph(path, study):
    Image.effect_noise((16, 16), 50).save(path, "PNG")


def a_photograph_of_another_program(path, study):
    texts = PngInfo()
    texts.add_text("Software", "gThumb")
    texts.add_text("Title", "Isthmus of Corinth")
    Image.effect_noise((16, 16), 50).save(path, "PNG", pnginfo=texts)


def a_photograph_of_matplotlib(path, study):
    texts = PngInfo()
    texts.add_text("Software", "Matplotlib version3.11.2, https://matplotlib.org/")
    Image.effect_noise((16, 16), 50).save(path, "PNG", pnginfo=texts)


def a_page(path, study):
    path.write_text("<html>a page</html>")


def of_the_users_own(path, study):
    """Write what others write under the same ending, the name of the program in it."""
    path.write_bytes(OF_OTHERS[path.suffix])


FRAMES = [Image.effect_noise((8, 8), 50) for _ in range(2)]


def _encoded(kind, **options):
    out = io.BytesIO()
    FRAMES[0].save(out, kind, **options)
    return out.getvalue()


# Ending -> a file of that kind of the user's own, which names the program too.
OF_OTHERS = {
    ".pdf": b"%PDF-1.5\n<< /Creator (LaTeX) /Producer (pdfTeX) /Title (/Isthmus) >>\n%%EOF\n",
    ".svg": b'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
    b"<!-- Created with Inkscape (http://www.inkscape.org/) -->\n"
    b'<svg xmlns="http://www.w3.org/2000/svg"><dc:title>Isthmus</dc:title></svg>',
    ".csv": b"# Isthmus\nname,accuracy\nours,0.91\n",
    ".png": _encoded("PNG"),
    ".h5": b"\x89HDF\r\n\x1a\n of another program",
    ".html": b'<!DOCTYPE html>\n<html><meta name="generator" content="pandoc">Isthmus</html>',
    ".gif": _encoded("GIF", save_all=True, append_images=FRAMES[1:], comment="Isthmus of Corinth"),
}
OCCUPIED = [
    a_folder,
    a_pipe,
    a_socket,
    a_device,
    an_endless_device,
    a_record,
    a_record_by_a_hard_link,
    study_json_by_a_hard_link,
    the_index_by_a_hard_link,
    weights,
    notes,
    a_photograph,
    a_photograph_of_another_program,
    a_photograph_of_matplotlib,
    a_page,
    of_the_users_own,
]


@pytest.mark.skipif(os.name == "nt", reason="needs pipes, links and devices of POSIX")
@pytest.mark.parametrize("occupy", OCCUPIED)
@pytest.mark.parametrize("command", BY_COMMAND)
def test_that_nothing_of_another_kind_is_replaced(study, tmp_path, capsys, command, occupy):
    ending, run = BY_COMMAND[command]
    path = tmp_path / "o" / f"f.{ending}"
    path.parent.mkdir()
    occupy(path, study)
    before, kind = bytes_of(study), identity(path)
    assert run(study, path) == 2
    said = capsys.readouterr().err.strip()
    assert said
    assert "\n" not in said
    assert bytes_of(study) == before
    assert identity(path) == kind
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("first", BY_COMMAND)
@pytest.mark.parametrize("second", ["pack", "export h5", "export png"])
def test_that_only_a_file_of_its_own_kind_is_replaced(study, tmp_path, first, second):
    ending, write = BY_COMMAND[first]
    assert write(study, tmp_path / f"a.{ending}") == 0
    wanted, again = BY_COMMAND[second]
    path = (tmp_path / f"a.{ending}").rename(tmp_path / f"a.{wanted}")
    before = path.read_bytes()
    assert again(study, path) == (0 if first == second else 2)
    assert first == second or path.read_bytes() == before


@pytest.mark.parametrize("command", BY_COMMAND)
def test_that_an_older_file_and_an_empty_one_are_replaced(study, tmp_path, command):
    ending, run = BY_COMMAND[command]
    path = tmp_path / f"out.{ending}"
    path.touch()
    assert run(study, path) == 0
    once = path.stat().st_size
    assert once > 0
    assert run(study, path) == 0
    assert path.stat().st_size > 0
    assert [item.name for item in tmp_path.iterdir() if item != study] == [path.name]


@pytest.mark.parametrize("command", [name for name in BY_COMMAND if not name.endswith("h5")])
def test_that_a_file_of_others_is_replaced_where_that_is_asked_for(study, tmp_path, command):
    if command == "pack":
        return
    ending, run = BY_COMMAND[command]
    path = tmp_path / f"mine.{ending}"
    path.write_bytes(OF_OTHERS[f".{ending}"])
    assert run(study, path) == 2
    figure = "report" if command.endswith("report") else "curves"
    export = ["export", "--study", str(study), figure, "--out", str(path)]
    assert main([*export, "--replace"]) == 0
    assert path.read_bytes() != OF_OTHERS[f".{ending}"]
    path.write_bytes(OF_OTHERS[f".{ending}"])
    assert main(export) == 2, "what was asked for once holds for ever"


@pytest.mark.parametrize("replace", [False, True])
def test_that_a_script_replaces_a_file_of_others_only_where_it_asks(study, tmp_path, replace):
    path = tmp_path / "mine.csv"
    path.write_bytes(OF_OTHERS[".csv"])
    for _ in range(2):
        if replace:
            api.save_figure(Study(study), "curves", path, replace=True)
            path.write_bytes(OF_OTHERS[".csv"])
        else:
            with pytest.raises(FigureError, match="did not write it: it is not replaced without"):
                api.save_figure(Study(study), "curves", path)
    with pytest.raises(FigureError, match="did not write it"):
        api.save_figure(Study(study), "curves", path)
    assert path.read_bytes() == OF_OTHERS[".csv"]


def test_that_a_table_of_the_window_and_a_page_replace_themselves(study, tmp_path):
    for name, text in (
        ("t.csv", csv_lines([[*COMPARISON_COLUMNS, "seeds"], ["ROAR", "L2", "accuracy", 3, 1]])),
        ("n.html", f'<!DOCTYPE html>\n<head><meta name="generator" content="{MADE_BY}"></head>'),
    ):
        (tmp_path / name).write_text(text)
        check(tmp_path / name)


@pytest.mark.parametrize("which", ["another study", "fewer records", "damaged"])
def test_that_a_packed_study_takes_the_place_of_no_other_records(study, tmp_path, capsys, which):
    path = tmp_path / "colleague.h5"
    pack(Study(study), path)
    if which == "damaged":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif which == "another study":
        shutil.rmtree(study)
        Study(study, create=True)
    else:
        next(study.glob("records/maps/*.h5")).unlink()
    before = path.read_bytes()
    packing = ["pack", "--study", str(study), "--out", str(path)]
    assert main(packing) == 2
    said = capsys.readouterr().err
    assert "it is not replaced without --replace" in said
    assert "damaged" in said if which == "damaged" else "lacks" in said
    assert path.read_bytes() == before
    assert main([*packing, "--replace"]) == 0
    assert main(packing) == 0
    assert path.read_bytes() != before


@pytest.mark.parametrize("ending", ["png", "gif"])
def test_that_an_animation_replaces_its_own_kind_and_no_picture_of_the_user(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    for comment in ("", "Isthmus of Corinth"):
        FRAMES[0].save(path, save_all=True, append_images=FRAMES[1:], comment=comment)
        with pytest.raises(OutputError, match="did not write it"):
            check(path, ANIMATION)
    with pytest.raises(OutputError):
        check(path.rename(path.with_suffix(".png")))


@pytest.mark.parametrize("name", ["out", "out.txt", "study.json", "a.png.h6", ".h5"])
def test_that_a_path_of_another_ending_is_refused(study, tmp_path, capsys, name):
    for _, run in BY_COMMAND.values():
        assert run(study, tmp_path / name) == 2
        assert "must" in capsys.readouterr().err
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("end", ["/", "//", "/."])
def test_that_a_file_is_not_named_as_a_folder(study, tmp_path, capsys, end):
    for ending, run in BY_COMMAND.values():
        with pytest.raises(SystemExit, match="2"):
            run(study, f"{tmp_path}/out.{ending}{end}")
        assert "must be a file and names a folder" in capsys.readouterr().err
    with pytest.raises(ValueError, match="must be a file"):
        api.save_figure(Study(study), "curves", f"{tmp_path}/out.pdf{end}")
    with pytest.raises(SystemExit, match="2"):
        main(["methods", "--template", "attack", "--out", f"{tmp_path}/out.py{end}"])
    assert "must be a file and names a folder" in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))


def test_that_no_study_is_made_inside_a_study(study, tmp_path, capsys):
    plan, packed = tmp_path / "p.toml", tmp_path / "one.h5"
    plan.write_text(IMAGES_PLAN)
    pack(Study(study), packed)
    before = bytes_of(study)
    (tmp_path / "link").symlink_to(study / "records")
    for folder in (study / "new", study / "records" / "maps" / "new", tmp_path / "link" / "new"):
        assert main(["run", str(plan), "--study", str(folder)]) == 2
        assert "lies in the study" in capsys.readouterr().err
        assert main(["unpack", str(packed), "--study", str(folder)]) == 2
        assert "lies in the study" in capsys.readouterr().err
        with pytest.raises(StudyError, match="lies in the study"):
            api.open_study(folder)
    assert bytes_of(study) == before


@pytest.mark.parametrize("what", ["folder", "file", "link"])
def test_that_unpacking_takes_nothing_of_the_user_for_its_own_left_over(study, tmp_path, what):
    packed, mine = tmp_path / "one.h5", tmp_path / ".new.isthmus.partial"
    pack(Study(study), packed)
    if what == "folder":
        mine.mkdir()
        (mine / "thesis.txt").write_text("x")
    elif what == "file":
        mine.write_text("x")
    else:
        mine.symlink_to(study)
    before = bytes_of(tmp_path)
    with pytest.raises(StudyError, match="in the way"):
        unpack(packed, tmp_path / "new.isthmus")
    assert bytes_of(tmp_path) == before


@pytest.mark.parametrize("left", ["nothing", "records", "temporary", "records and no study.json"])
def test_that_unpacking_goes_on_after_any_part_that_an_interrupted_one_left(study, tmp_path, left):
    packed, partial = tmp_path / "one.h5", tmp_path / ".new.isthmus.partial"
    pack(Study(study), packed)
    partial.mkdir()
    if left.startswith("records"):
        shutil.copytree(study / "records", partial / "records")
    if left == "records":
        for file in partial.rglob("*.h5"):
            file.unlink()
    if left == "temporary":
        (partial / ".study.json.tmp-01234567-99-0").write_text("{")
    unpack(packed, tmp_path / "new.isthmus")
    assert not partial.exists()
    assert [entry.key for entry in Study(tmp_path / "new.isthmus").entries] == [
        entry.key for entry in Study(study).entries
    ]


def test_that_a_study_is_known_without_its_study_json(study):
    (study / "study.json").unlink()
    assert is_study(study)
    with pytest.raises(OutputError, match="lies in the study"):
        check(study / "a.csv")


def test_that_a_folder_that_only_resembles_a_study_is_none(tmp_path):
    (tmp_path / "records").mkdir()
    assert not is_study(tmp_path)
    (tmp_path / "records").rmdir()
    (tmp_path / "study.json").write_text('{"title": "of another program"}')
    assert not is_study(tmp_path)
    check(tmp_path / "a.csv")
