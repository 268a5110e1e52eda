"""Every costly file is read or refused within the bounds, in a child of its own."""

import io
import os
import random
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.data.decode import UnreadableImage, decode, decode_fitted
from engine.data.jpeg import plain_jpeg
from engine.data.safety.bounds import MEMORY_CAP
from tests.image_files import encoded, picture
from tests.reliability.costly_images import COSTLY, READ, pixels, two_headers
from tests.reliability.fuzz import mutated

SECONDS = 10.0  # of the processor; the longest takes 2 s on the machine of docs/reliability.md
SIDE = 32

needs_limits = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="needs Linux to limit memory"
)


def outcome(data: bytes) -> str:
    try:
        decode_fitted(data, image_size=SIDE, channels="rgb", fit="resize")
    except UnreadableImage as error:
        return str(error)
    return READ


def in_a_child(data: bytes) -> tuple[str, float]:
    """Return what became of a file, and the seconds that it took of the processor."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY_CAP, size + MEMORY_CAP))
            signal.alarm(60)
            os.write(write, outcome(data).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answers:
        answer = answers.read().decode()
    _, status, used = os.wait4(child, 0)
    assert status == 0, f"ended with {status}"
    return answer, used.ru_utime + used.ru_stime


@needs_limits
@pytest.mark.parametrize("name", COSTLY)
def test_that_a_costly_file_stays_within_the_bounds(name):
    make, expected = COSTLY[name]
    answer, seconds = in_a_child(make())
    assert expected in answer
    assert answer
    assert seconds < SECONDS


def test_that_what_is_refused_by_its_header_is_not_decoded_first():
    begun = time.process_time()
    for name in ("animation of 148 bytes.webp", "tile.tif", "scans of a small one.jpg"):
        make, expected = COSTLY[name]
        assert expected in outcome(make())
    assert time.process_time() - begun < 5.0


@given(
    false=st.tuples(st.integers(0, 65535), st.integers(0, 65535), st.integers(1, 4)),
    fill=st.integers(0, 5),
    at=st.sampled_from([0, 1, 4, 100, 0xC000]),
    mode=st.sampled_from(["L", "RGB"]),
    size=st.sampled_from([(600, 16), (8, 8), (33, 17)]),
)
@settings(max_examples=60, deadline=None)
def test_that_a_second_header_is_never_believed(false, fill, at, mode, size):
    image = picture(size=size, mode=mode)
    data = two_headers(image, false, fill, at)
    found = decode(data).pixels
    assert found.shape[:2] == (size[1], size[0])
    assert (found == pixels(image)).all()
    fitted = decode_fitted(data, image_size=8, channels="rgb", fit="resize")
    assert fitted.size == size


@given(seed=st.integers(0, 10**9), mode=st.sampled_from(["L", "RGB"]))
@settings(max_examples=200, deadline=None)
def test_that_the_short_way_for_jpegs_gives_what_pillow_gives_or_nothing(seed, mode):
    chance = random.Random(seed)
    data = mutated(encoded(picture(size=(17, 9), mode=mode), "JPEG"), chance)
    short = plain_jpeg(data, 100)
    if short is None:
        return
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == short.size
        assert (np.asarray(image) == np.asarray(short)).all()
