"""Made-up texts, and whole studies with them in every place, for :mod:`tests.reliability.fuzz`."""

import csv
import io
import json
import random
import re
import shutil
from pathlib import Path

from engine.cli.main import main
from engine.figures.cells import csv_lines
from engine.figures.record_pictures import pictures_of
from engine.figures.tables import as_json, as_text
from engine.plan.reproduce import command_text, plan_text, python_text
from engine.program import BAD_INPUT, FAILED, OK
from engine.specs import FolderImages, Imported, SmallCNN
from engine.specs.schema import SpecError
from engine.store import trash
from engine.store.packing import pack, unpack
from engine.store.study import Study, StudyError, spec_of
from engine.texts import harmless, one_line
from tests import made_up_study as made_up

PIECES = (
    *("<img src='/dev/zero'>", "<b>", "</b>", "&amp;", "<a href='x'>", "<!--", "]]>", "<table>"),
    *("\x00", "\x07", "\x1b[31m", "\x1b]0;x\x07", "\x7f", "\x9b", "\r", "\n", "\t", "\x0b", "\x85"),
    *("\u202e", "\u2066", "\u200f", "\u200b", "\u2028", "\ufeff", "\ufe0f", "e\u0301", "\u0130"),
    *("\ud800", "\udce4", "\uffff", "🦊", "日本", "שלום", "مرحبا", "a" * 100),
    *("=1+1", "+1", "-1", "@x", "|", "'", '"', "’", "`", "$(x)", "$x^$", "\\frac{", "%s", "{0}"),
    *("../", "/dev/zero", "C:\\", "~", "*", "?", "#", "--out", "-", "&File", "\\", "]", "; rm"),
)
LETTERS = 10_000
# Letters that act on what shows them; see engine/texts.py.
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")


def text(chance: random.Random) -> str:
    """Return a text of a few pieces, sometimes of 10,000 letters."""
    found = "".join(chance.choice(PIECES) for _ in range(chance.choice((0, 1, 2, 3, 8))))
    if found and chance.random() < 0.1:
        found = (found * (LETTERS // len(found) + 1))[:LETTERS]
    return found


def _valid(given: str) -> str:
    return given.encode("utf-8", "replace").decode()


def make(home: Path, chance: random.Random) -> Study | None:
    """Make a study with texts in every place that a file can fill; None if one is refused."""
    root = home / "texts.isthmus"
    shutil.rmtree(root, ignore_errors=True)
    study = Study(root, create=True)

    def one() -> str:
        return text(chance)

    images = FolderImages(name=one(), digest="0" * 64, image_size=8, channels="grey")
    documents = {
        "classes": [one() for _ in range(10)],
        "skipped": [[one(), one()]],
        "notes": [one()],
        "files": [one()],
    }
    try:
        made_up.add(study, images, {"classes": 10}, documents=documents)
        standard = made_up.network(images=images)
        for spec in (standard, made_up.network("linf", 0.02, images=images)):
            made_up.add_network(study, spec)
        made_up.add_maps(study, standard)
        made_up.add_attack(study, standard)
        made_up.add_metric(study, standard)
        imported = Imported(images=images, network=SmallCNN(), name=one(), digest="1" * 64)
        notes = {_valid(one()): one(), "notes": one()}
        made_up.add(study, imported, {"clean_accuracy": 0.5}, documents=notes)
        study.describe(name=one(), notes=one())
        for entry in study.entries:
            study.labels.set(entry.key, title=one(), note=one())
    except ValueError:
        return None  # half of a letter cannot be stored; that is one sentence
    about = root / "study.json"
    if chance.random() < 0.5:  # what no program of ours would write
        form = {**json.loads(about.read_text("utf-8")), "name": one(), "notes": one()}
        about.write_text(json.dumps(form))
        labels = {entry.key: {"title": one(), "note": one()} for entry in study.entries}
        (root / "labels.json").write_text(json.dumps(labels))
        (root / "locations.json").write_text(json.dumps({"0" * 64: one(), one(): one()}))
    return study


def read(home: Path, chance: random.Random) -> None:
    """Make such a study, and show, draw, copy, pack and delete what is in it.

    Raises
    ------
    AssertionError
        If a text acts on a terminal or a spreadsheet, or is lost on the way.
    """
    made = make(home, chance)
    if made is None:
        return
    study = Study(made.path)
    json.dumps(as_json(study), allow_nan=False)
    assert not ACTING.search(harmless(as_text(study)))
    for entry in study.entries:
        assert not ACTING.search(one_line(entry.title))
        _check_commands(study, entry)
        pictures_of(study, entry.key)
    texts = [text(chance) for _ in range(6)]
    rows = list(csv.reader(io.StringIO(csv_lines([texts]), newline="")))
    assert len(rows) == 1
    assert all(cell[:1] not in "=+-@\t\r" or not cell for cell in rows[0])
    arguments = ["--study", str(study.path)]
    key = chance.choice(study.entries).key
    for command in (["list", *arguments], ["show", key, *arguments], ["check", *arguments]):
        assert main(command) in (OK, BAD_INPUT, FAILED), command
    _pack_and_delete(home, study, chance)


def _check_commands(study: Study, entry) -> None:
    if entry.spec is None:
        return
    spec = spec_of(entry)
    if spec is None:
        return
    try:
        plans = plan_text(spec), command_text(spec, study.path)
    except SpecError:  # a plan has no name that begins with @
        plans = ()
    for made in (*plans, python_text(spec, study.path)):
        assert not ACTING.search(made.replace("\r", ""))
    compile(python_text(spec, study.path), "copied", "exec")


def _pack_and_delete(home: Path, study: Study, chance: random.Random) -> None:
    packed, again = home / "texts.packed.h5", home / "texts-again.isthmus"
    packed.unlink(missing_ok=True)
    shutil.rmtree(again, ignore_errors=True)
    keys = {entry.key for entry in study.entries}
    try:
        pack(study, packed)
        unpack(packed, again)
    except StudyError:
        return  # half of a letter in study.json
    assert {entry.key for entry in Study(again).entries} == keys
    deleted = trash.delete(study, [chance.choice(sorted(keys))])
    trash.restore(study, deleted)
    assert {entry.key for entry in Study(study.path).entries} == keys
