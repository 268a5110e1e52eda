import errno
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from engine.store.write_guard import GuardedFile

FULL = Path("/dev/full")  # answers every write as a disk without room does
NEEDS_FULL = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")

CRASHES = """
import sys
import h5py, numpy
from engine.store.write_guard import GuardedFile
from pathlib import Path
with GuardedFile(Path("/dev/full")) as guarded:
    with h5py.File(guarded, "w", userblock_size=512) as file:
        for name in "abc":
            file.create_group(name)["numbers"] = numpy.arange(100_000)
            file.flush()
    print(guarded.error.strerror)
"""


def fill(file):
    for name in ("one", "two/three"):
        group = file.create_group(name)
        group["numbers"] = np.arange(5000, dtype=np.float32)
        group.attrs["text"] = "x" * 500


def test_that_hdf5_finds_there_what_it_wrote(tmp_path):
    with (
        GuardedFile(tmp_path / "a.h5") as guarded,
        h5py.File(guarded, "w", userblock_size=512) as file,
    ):
        fill(file)
    assert guarded.error is None
    with h5py.File(tmp_path / "a.h5") as file:
        for name in ("one", "two/three"):
            assert np.array_equal(file[name]["numbers"], np.arange(5000))
            assert file[name].attrs["text"] == "x" * 500


def test_that_it_is_an_ordinary_file_of_any_place(tmp_path):
    with GuardedFile(tmp_path / "a") as file:
        assert file.write(b"hello world") == 11
        assert file.seek(-5, os.SEEK_END) == 6
        assert file.read(100) == b"world"
        file.seek(6)
        file.write(b"W")
        file.truncate(20)
        file.seek(0)
        assert file.read(100) == b"hello World" + bytes(9)
        assert (file.tell(), file.read(1)) == (20, b"")
        file.check()
    assert (tmp_path / "a").read_bytes() == b"hello World" + bytes(9)


@NEEDS_FULL
def test_that_the_first_error_is_kept_and_what_was_written_is_still_there_to_read():
    with GuardedFile(FULL) as file:
        file.write(b"abcdefgh")
        file.seek(2)
        file.write(b"XY")
        file.seek(1)
        assert file.read(5) == b"bXYef"
        with pytest.raises(OSError, match="No space left") as raised:
            file.check()
        assert raised.value.errno == errno.ENOSPC


@NEEDS_FULL
def test_that_hdf5_does_not_end_the_process_where_a_disk_is_full():
    ran = subprocess.run([sys.executable, "-c", CRASHES], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.strip() == "No space left on device"


def test_that_a_file_that_cannot_be_made_is_said_at_once(tmp_path):
    with pytest.raises(FileNotFoundError):
        GuardedFile(tmp_path / "nowhere" / "a")
