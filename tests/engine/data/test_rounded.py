"""Files whose decoders give 8 bits of more: the pixels are right, and the rounding is said."""

import numpy as np
import pytest

from engine.data.decode import decode
from engine.data.deep import TO_EIGHT_BITS
from engine.data.images import ingest
from engine.data.values import SCALED_16
from tests.avif_files import avif
from tests.image_files import write

RAMP = np.linspace(0, 1, 256).reshape(16, 16)


def ppm(kind, most):
    numbers = np.rint(RAMP * most).astype(int)
    numbers = np.stack([numbers] * 3, 2) if kind in ("P3", "P6") else numbers
    head = f"{kind}\n16 16\n{most}\n".encode()
    if kind in ("P2", "P3"):
        return head + " ".join(map(str, numbers.flat)).encode()
    return head + numbers.astype(">u2" if most > 255 else "u1").tobytes()


@pytest.mark.parametrize(
    ("data", "rules"),
    [
        (avif("grey8"), ()),
        (avif("grey10"), (TO_EIGHT_BITS,)),
        (avif("grey12"), (TO_EIGHT_BITS,)),
        (avif("rgb10"), (TO_EIGHT_BITS,)),
        (ppm("P6", 255), ()),
        (ppm("P6", 4095), (TO_EIGHT_BITS,)),
        (ppm("P3", 65535), (TO_EIGHT_BITS,)),
        (ppm("P3", 100), ()),
        (ppm("P2", 1023), (SCALED_16,)),
    ],
    ids=["avif", "avif 10", "avif 12", "avif colour 10", "P6", "P6 12", "P3 16", "P3 7", "P2 10"],
)
def test_that_values_which_a_decoder_rounds_are_right_and_said(data, rules):
    found = decode(data)
    assert found.rules == rules
    # An AVIF holds brightness in the range of television, which costs a level or two.
    assert np.abs(found.pixels[..., 0].astype(int) - np.rint(255 * RAMP)).max() <= 3


def test_that_a_class_of_rounded_files_raises_the_alarm_of_a_rule(tmp_path):
    # One byte more behind the picture: files that are not copies.
    files = {f"deep/{k}.avif": avif("grey10") + bytes([k]) for k in range(8)}
    files |= {f"plain/{k}.avif": avif("grey8") + bytes([k]) for k in range(8)}
    _, images = ingest(write(tmp_path / "set", files))
    assert len(images.train_images) + len(images.test_images) == 16
    assert any(TO_EIGHT_BITS in note for note in images.notes)
    assert any(TO_EIGHT_BITS in alarm for alarm in images.alarms)
