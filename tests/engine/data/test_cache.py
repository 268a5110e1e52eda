"""Images that were read before are there at once, and never stand for files that changed."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from engine.data import cache, images
from engine.data.cache import ImageCache
from engine.data.images import ingest, load
from engine.program import VERSION
from engine.store import atomic
from tests.image_files import png

YESTERDAY = time.time() - 86_400


@pytest.fixture
def folder(tmp_path):
    """Return a folder of two classes, as if it had not been touched since yesterday."""
    path = tmp_path / "photographs"
    for k in range(6):
        write_image(path / ("cats", "dogs")[k % 2] / f"{k}.png", k)
    (path / "notes.txt").write_text("no image")
    return path


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Return a cache that keeps also what was read quickly and changed a moment ago."""
    monkeypatch.setattr(cache, "WORTH_SECONDS", 0.0)
    monkeypatch.setattr(cache, "SETTLED_SECONDS", -60.0)
    return ImageCache(tmp_path / "cache")


@pytest.fixture
def readings(monkeypatch):
    """Return a list that grows with every file that is opened for its bytes."""
    found = []
    honest = images.open_source

    def counted(*given):
        source = honest(*given)
        read = source.read
        monkeypatch.setattr(source, "read", lambda entry: found.append(entry.path) or read(entry))
        return source

    monkeypatch.setattr(images, "open_source", counted)
    return found


def write_image(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(seed))


def same(first, second):
    for name in (*cache.ARRAYS, *cache.TEXTS, "skipped"):
        ours, theirs = getattr(first, name), getattr(second, name)
        assert np.array_equal(ours, theirs) if isinstance(ours, np.ndarray) else ours == theirs
    return True


def test_that_a_second_reading_opens_no_file_and_gives_the_same(folder, kept, readings):
    spec, first = ingest(folder, cache=kept)
    opened = len(readings)
    again, second = ingest(folder, cache=kept)
    assert opened > 0
    assert len(readings) == opened
    assert again == spec
    assert same(first, second)


def test_that_opening_the_study_later_finds_what_was_dropped(folder, kept, readings):
    spec, first = ingest(folder, cache=kept)
    opened = len(readings)
    assert same(first, load(spec, lambda digest: folder, cache=kept))
    assert len(readings) == opened


def test_that_other_options_are_another_set(folder, kept):
    _, first = ingest(folder, cache=kept)
    _, second = ingest(folder, image_size=5, cache=kept)
    assert first.shape != second.shape == (3, 5, 5)


def changed(path):
    write_image(path / "cats" / "0.png", 99)


def added(path):
    write_image(path / "cats" / "new.png", 99)


def removed(path):
    (path / "cats" / "2.png").unlink()


def swapped(path):
    """Give a file other bytes of the same length, and its old time of modification."""
    place = path / "cats" / "0.png"
    about = place.stat()
    pixels = place.read_bytes()
    place.write_bytes(pixels[:-1] + bytes([pixels[-1] ^ 1]))
    os.utime(place, ns=(about.st_atime_ns, about.st_mtime_ns))


@pytest.mark.parametrize("change", [changed, added, removed, swapped])
def test_that_files_that_changed_are_read_again(folder, kept, readings, change):
    ingest(folder, cache=kept)
    opened = len(readings)
    change(folder)
    ingest(folder, cache=kept)
    assert len(readings) > opened


def test_that_what_changed_a_moment_ago_is_not_kept(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "WORTH_SECONDS", 0.0)
    careful = ImageCache(tmp_path / "cache")
    ingest(folder, cache=careful)
    assert careful.nbytes == 0


def test_that_what_is_read_at_once_is_not_kept(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "SETTLED_SECONDS", -60.0)
    frugal = ImageCache(tmp_path / "cache")
    ingest(folder, cache=frugal)
    assert frugal.nbytes == 0


def test_that_a_damaged_set_is_read_from_the_files(folder, kept, readings):
    spec, first = ingest(folder, cache=kept)
    opened = len(readings)
    for path in kept.folder.iterdir():
        path.write_bytes(path.read_bytes()[:-7])
    assert same(first, load(spec, lambda digest: folder, cache=kept))
    assert len(readings) > opened


def test_that_the_longest_unused_goes_first(folder, tmp_path, kept):
    ingest(folder, cache=kept)
    size = max(path.stat().st_size for path in kept.folder.iterdir())
    for path in kept.folder.iterdir():
        os.utime(path, (YESTERDAY, YESTERDAY))
    other = shutil.copytree(folder, tmp_path / "more")
    small = ImageCache(kept.folder, limit=size * 3 // 2)
    ingest(other, cache=small)
    assert 0 < small.nbytes <= size * 3 // 2
    assert all(path.stat().st_mtime > YESTERDAY + 60 for path in kept.folder.iterdir())


def test_that_a_shelf_without_room_does_no_harm(folder, tmp_path, kept):
    (tmp_path / "cache").write_text("a file where the folder should be")
    _, images_found = ingest(folder, cache=kept)
    assert len(images_found.train_images) > 0


def test_that_clearing_throws_everything_out(folder, kept):
    ingest(folder, cache=kept)
    kept.clear()
    assert kept.nbytes == 0


def test_that_a_kept_set_is_mapped_and_takes_no_memory(folder, kept):
    _, first = ingest(folder, cache=kept)
    _, second = ingest(folder, cache=kept)
    assert first.own_bytes == second.own_bytes == 0
    assert first.nbytes == second.nbytes > 0


def left_over(folder, process):
    """Write what a process would leave that was killed while it wrote a set."""
    folder.mkdir(exist_ok=True)
    path = folder / f".abc{cache.SUFFIX}.tmp-{atomic._MACHINE}-{process}-0"
    path.write_bytes(bytes(1000))
    return path


def test_that_what_a_killed_process_left_is_counted_and_removed_at_the_next_start(kept):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone, going = left_over(kept.folder, ended.pid), left_over(kept.folder, os.getppid())
    assert kept.nbytes == 2000
    kept.tidy()
    assert (gone.exists(), going.exists()) == (False, True)
    assert kept.nbytes == 1000


def test_that_the_newest_set_stays_though_it_is_larger_than_the_limit(folder, kept, readings):
    small = ImageCache(kept.folder, limit=10)
    ingest(folder, cache=small)
    opened = len(readings)
    ingest(folder, cache=small)
    assert len(readings) == opened


def test_that_a_set_that_would_fill_the_disk_is_not_kept(folder, kept, monkeypatch):
    disk = shutil.disk_usage(folder)
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: disk._replace(free=disk.total // 11))
    ingest(folder, cache=kept)
    assert kept.nbytes == 0


@pytest.mark.parametrize("count", [0, 1, 2000, 2001, 4001])
def test_that_the_name_of_a_set_is_the_hash_of_all_its_files_in_one_text(count):
    # The odd name is one that is not UTF-8, as Python shows it.
    states = [(f"cat\udcff/{k}.png", k, 2 * k, 3 * k, 4 * k) for k in range(count)]
    wish = {"z": 1, "a": [None, 0.5, "\u00e9"]}
    whole = json.dumps([VERSION, wish, states], sort_keys=True)
    told = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    assert cache.name_of(states, wish) == told


def test_that_many_files_are_hashed_in_parts_between_which_other_threads_run(monkeypatch):
    """In one piece 100,000 files hold Python's lock, and with it the window, for 70 ms."""
    longest, states = [], [("class/name.png", 1, 2, 3, 4)] * 10_000
    dumps = json.dumps
    monkeypatch.setattr(json, "dumps", lambda data, **o: longest.append(len(data)) or dumps(data))
    cache.name_of(states, {})
    assert max(longest) <= 2000
