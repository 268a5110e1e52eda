"""What is no regular file is refused with one sentence by everything that opens a path."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from torch import nn

from engine.cli.main import main
from engine.data.archives import open_archive
from engine.data.images import ingest
from engine.data.kept.known import FILE, KnownFolders
from engine.networks.weights import load_state
from engine.plan.planfile import read_plan
from engine.store import hdf5
from engine.store.files import NotAFile, check_regular, digest_of, open_regular, read_text
from engine.store.packing import unpack
from engine.store.study import Study
from tests import image_files

ROOT = Path(__file__).resolve().parent.parent.parent
KINDS = ("pipe", "socket", "device", "folder", "link to a pipe")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


@pytest.fixture(params=KINDS)
def special(request, tmp_path):
    """Return a function that makes a special file at a path."""

    def make(path):
        path = Path(path)
        match request.param:
            case "pipe":
                os.mkfifo(path)
            case "socket":
                here = Path.cwd()
                os.chdir(path.parent)  # a socket's path may have 108 bytes at most
                try:
                    socket.socket(socket.AF_UNIX).bind(path.name)
                finally:
                    os.chdir(here)
            case "device":
                path.symlink_to("/dev/zero")
            case "folder":
                path.mkdir()
            case _:
                os.mkfifo(path.with_name("behind"))
                path.symlink_to("behind")
        return path

    return make


def ends(work, seconds=20.0):
    """Return what a function raised, which must not take forever."""
    found = []

    def run():
        try:
            work()
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it waits"
    return found[0] if found else None


OPENERS = {
    "open_regular": (open_regular, "x"),
    "check_regular": (check_regular, "x"),
    "read_text": (read_text, "x"),
    "digest_of": (digest_of, "x"),
    "a record": (hdf5.read, "x.h5"),
    "a checkpoint": (hdf5.read_unsealed, "x.h5"),
    "a packed study": (lambda path: list(hdf5.read_packed(path, 2)), "x.h5"),
    "unpack": (lambda path: unpack(path, path.with_name("new")), "x.h5"),
    "weights": (lambda path: load_state(nn.Linear(1, 1), path), "x.pt"),
    "safe weights": (lambda path: load_state(nn.Linear(1, 1), path), "x.safetensors"),
    "a plan": (read_plan, "x.toml"),
    "a zip": (lambda path: open_archive(path, lambda: None, lambda *_: None), "x.zip"),
    "a tar": (lambda path: open_archive(path, lambda: None, lambda *_: None), "x.tar"),
    "images": (ingest, "x.zip"),
    "a picture": (ingest, "x.png"),
}


@pytest.mark.parametrize("name", OPENERS)
def test_that_it_is_refused_in_a_sentence(name, special, tmp_path):
    opener, file = OPENERS[name]
    path = special(tmp_path / file)
    error = ends(lambda: opener(path))
    assert isinstance(error, ValueError | NotAFile)
    assert "\n" not in str(error)
    assert len(str(error)) < 400


@pytest.mark.parametrize("name", ["locations.json", "labels.json", "index.jsonl", "study.json"])
def test_that_a_study_with_one_inside_is_opened_or_refused(name, special, tmp_path):
    study = Study(tmp_path / "s", create=True)
    (study.path / name).unlink(missing_ok=True)
    special(study.path / name)

    def use():
        opened = Study(study.path)
        assert not opened.entries
        opened.locate("ab")

    error = ends(use)
    assert isinstance(error, ValueError)
    assert "\n" not in str(error)


def test_that_one_in_place_of_what_is_known_of_folders_is_not_opened(special, tmp_path):
    folder = image_files.write(tmp_path / "pets", image_files.classes({"a": 4, "b": 4}))
    special(tmp_path / FILE)
    found = []
    assert ends(lambda: found.append(KnownFolders(tmp_path).recall(folder, {}))) is None
    assert found == [None]


def test_that_one_put_in_place_of_a_listed_picture_is_skipped(special, tmp_path, monkeypatch):
    folder = image_files.write(tmp_path / "pets", image_files.classes({"a": 4, "b": 4}))
    from engine.data import images as module

    lay_out = module.lay_out

    def replaced(listing):
        (folder / "a" / "000.png").unlink()
        special(folder / "a" / "000.png")
        return lay_out(listing)

    monkeypatch.setattr(module, "lay_out", replaced)
    found = []
    assert ends(lambda: found.append(ingest(folder))) is None
    assert [item.path for item in found[0][1].skipped] == ["a/000.png"]


def test_that_a_regular_file_behind_a_link_is_read(tmp_path):
    (tmp_path / "a").write_bytes("é\r\n".encode())
    (tmp_path / "b").symlink_to("a")
    assert read_text(tmp_path / "b") == "é\n"
    with pytest.raises(OSError, match="more than 0 MB"):
        read_text(tmp_path / "a", cap=2)


@pytest.mark.parametrize(
    "given", [["unpack", "{x}", "--study", "{new}"], ["list", "--study", "{x}"]]
)
def test_that_a_command_says_it_in_one_line(given, special, tmp_path, capsys):
    path = special(tmp_path / "x")
    codes = []
    ends(lambda: codes.append(main([part.format(x=path, new=tmp_path / "new") for part in given])))
    assert codes == [2]
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


STALLED = """
import sys, time
from engine.data.sources import FolderSource
FolderSource.read = lambda self, entry: (print("waits", flush=True), time.sleep(600))
from main import main
sys.exit(main(sys.argv[1:]))
"""


def test_that_ctrl_c_while_images_are_read_is_one_line(tmp_path):
    pets = image_files.write(tmp_path / "pets", image_files.classes({"a": 4, "b": 4}))
    (tmp_path / "plan.toml").write_text(f'run = ["x"]\n[specs.x]\npath = "{pets}"\n')
    command = [sys.executable, "-c", STALLED, "run", str(tmp_path / "plan.toml")]
    command += ["--study", str(tmp_path / "s"), "--device", "cpu"]
    run = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert run.stdout.readline() == "waits\n"
    begun = time.monotonic()
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130
    assert errors == "isthmus: stopped\n"
    assert time.monotonic() - begun < 10
