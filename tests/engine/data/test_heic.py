"""Photographs of phones are read like any other, and whatever harm a file does stays outside."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from engine.data import decode
from engine.data.decode import ON_WHITE, UnreadableImage, decode_fitted
from engine.data.deep import TO_EIGHT_BITS
from engine.data.heic import decoder
from engine.data.heic.child import _OWN_BYTES
from engine.data.safety.bounds import MEMORY_CAP
from engine.data.values import SCALED_16
from tests.heic_files import crashing, photograph


def expected():
    y, x = np.mgrid[0:48, 0:64]
    blue = np.where((y < 24) & (x < 32), 255, 0)
    return np.dstack([4 * x, 5 * y, blue]).astype(int)


def read(name):
    return decode.decode(photograph(name))


@pytest.mark.parametrize(
    ("name", "picture", "rules"),
    [
        ("colour.heic", expected(), ()),
        ("grey.heic", expected()[..., :1], ()),
        ("ten.heic", expected(), (TO_EIGHT_BITS,)),
        ("turned.heic", np.rot90(expected(), -1), ()),
    ],
)
def test_that_a_photograph_is_read_upright_in_eight_bits(name, picture, rules):
    found = read(name)
    assert found.rules == rules
    assert found.pixels.shape == picture.shape
    assert np.abs(found.pixels.astype(int) - picture).mean() < 2.0


def test_that_grey_of_ten_bits_is_rounded_by_the_scale_and_not_by_the_decoder():
    found = read("grey10.heic")
    assert found.rules == (SCALED_16,)
    ramp = np.linspace(0, 255, 48 * 64).reshape(48, 64)
    assert np.abs(found.pixels[..., 0] - ramp).max() < 1.0


def test_that_what_is_transparent_becomes_white():
    found = read("seethrough.heic")
    assert found.rules == (ON_WHITE,)
    assert found.pixels[:, :28].min() > 250
    assert np.abs(found.pixels.astype(int) - expected())[:, 36:].mean() < 2.0


def test_that_a_photograph_is_fitted_and_measured():
    data = photograph("turned.heic")
    assert decode.measure(data) == ((48, 64), False)
    found = decode_fitted(data, image_size=32, channels="grey", fit="crop")
    assert (len(found.pixels), found.size, found.traits.format) == (32 * 32, (48, 64), "HEIF")


def test_that_a_file_which_crashes_the_decoder_is_a_damaged_image(monkeypatch):
    monkeypatch.setattr(decoder, "_IDLE", [])
    child = decoder._take()
    decoder._IDLE.append(child)
    with pytest.raises(UnreadableImage, match="damaged"):
        decode.decode(crashing())
    assert child._process.wait(10) != 0  # it crashed; a later pi-heif may refuse the file instead
    assert read("colour.heic").pixels.shape == (48, 64, 3)


@pytest.mark.parametrize("end", [12, 300, 900])
def test_that_a_part_of_a_file_is_a_damaged_image(end):
    with pytest.raises(UnreadableImage):
        decode.decode(photograph("colour.heic")[:end])


def test_that_a_file_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(decoder, "_IDLE", [])
    monkeypatch.setattr(decoder, "MOST_SECONDS", 0.2)
    stuck = [sys.executable, "-c", "import time; time.sleep(60)"]
    started = []
    popen = subprocess.Popen

    def start(command, **options):
        started.append(popen(stuck, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(UnreadableImage, match=r"takes more than 0 s"):
        read("colour.heic")
    assert started[0].wait(10) != 0
    assert decoder._IDLE == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to a limit")
def test_that_a_child_is_held_to_a_limit_of_memory():
    child = decoder._take()
    decoder._IDLE.append(child)
    read("colour.heic")
    limits = Path(f"/proc/{child._process.pid}/limits").read_text()
    limit = str(MEMORY_CAP + _OWN_BYTES)
    assert re.search(rf"Max address space +{limit} +{limit} ", limits)


def test_that_many_threads_read_at_once_with_a_child_each(monkeypatch):
    monkeypatch.setattr(decoder, "_IDLE", [])
    wrong = []

    def work():
        for _ in range(10):
            if not np.array_equal(read("colour.heic").pixels, first):
                wrong.append(threading.get_ident())

    first = read("colour.heic").pixels
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert 1 <= len(decoder._IDLE) <= 4


def test_that_the_packaged_program_decodes_by_the_same_protocol(monkeypatch):
    monkeypatch.setattr(decoder, "_IDLE", [])
    popen = subprocess.Popen
    main = str(Path(__file__).parents[3] / "main.py")

    def start(command, **options):
        assert command[1] == decoder.FLAG
        return popen([command[0], main, *command[1:]], **options)

    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(subprocess, "Popen", start)
    assert read("grey.heic").pixels.shape == (48, 64, 1)


def test_that_too_many_pixels_are_refused_by_the_header_before_they_are_decoded(monkeypatch):
    """The bound of every system: only Linux can hold the child to a limit of memory."""
    asked, large = [], 50_000_000
    answer = decoder._asked

    def larger(data, *, wanted):
        asked.append(wanted)
        about, pieces = answer(data, wanted=wanted)
        return {**about, "size": [large // 5000, 5000]}, pieces

    monkeypatch.setattr(decoder, "_asked", larger)
    with pytest.raises(UnreadableImage, match="memory"):
        read("colour.heic")
    assert asked == [False]
