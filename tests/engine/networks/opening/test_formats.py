import gzip
import os
import struct
import tarfile
import time
import warnings
import zipfile

import numpy as np
import pytest
import torch

from engine.networks.opening import formats
from engine.networks.opening.formats import WeightsError
from engine.networks.opening.reading import read_file

STATE = {"conv1.weight": torch.ones(2, 1, 3, 3), "fc.bias": torch.zeros(2)}
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"
ONNX = b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x90\x03" + bytes(range(1, 200))


def saved(state=STATE, **options):
    import io

    buffer = io.BytesIO()
    torch.save(state, buffer, **options)
    return buffer.getvalue()


def refusal(path):
    with pytest.raises(WeightsError) as raised:
        read_file(path)
    message = str(raised.value)
    assert message.startswith(path.name)
    assert "\n" not in message
    return message


def zipped(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (bytes(5000), "zeros only"),
        (b"\n <!DOCTYPE html><html>Quota exceeded</html>", "is a web page"),
        (b"<html lang=en>", "is a web page"),
        (LFS, "is a Git LFS pointer"),
        (b'{"error": "not found"}', "is a text in JSON"),
        (b'{"metadata": {}, "weight_map": {"a": "model-1-of-2.safetensors"}}', "in several files"),
        (b"please use the other link\n", "is a text"),
        (gzip.compress(saved()), "is a gzip archive"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "is an HDF5 file"),
        (b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}", "is a numpy array"),
        (ONNX, "is an ONNX model"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(40), "is a TensorFlow Lite model"),
        (b"GGUF" + bytes(40), "is a GGUF file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "is a PNG image"),
        (saved()[:300], "is cut off"),
        (saved()[:-30], "is cut off"),
        (b"\x80\x04\x95\x10\x00\x00\x00", "is a Python pickle"),
        (struct.pack("<Q", 10**6) + b'{"a":', "is cut off"),
        (np.random.default_rng(0).bytes(500), "no weights file of a known kind"),
    ],
)
@pytest.mark.parametrize("suffix", ["pt", "safetensors", "pth.tar"])
def test_that_what_is_no_weights_file_is_named_whatever_its_suffix(
    content, words, suffix, tmp_path
):
    path = tmp_path / f"w.{suffix}"
    path.write_bytes(content)
    assert words in refusal(path)


def test_that_archives_of_other_programs_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    assert "numpy arrays" in refusal(tmp_path / "a.npz")
    zipped(tmp_path / "a.keras", **{"config.json": "{}", "model.weights.h5": "x"})
    assert "Keras" in refusal(tmp_path / "a.keras")
    zipped(tmp_path / "a.zip", **{"folder__weights.pt": "x"})
    assert "unpack it" in refusal(tmp_path / "a.zip")
    with tarfile.open(tmp_path / "a.pth.tar", "w") as archive:
        archive.add(tmp_path / "a.zip", "weights.pt")
    assert "is a tar archive" in refusal(tmp_path / "a.pth.tar")


def test_that_programs_in_torch_s_own_formats_are_never_loaded(tmp_path):
    # The members that torch.export.save of torch 2.15 and of torch 2.4 wrote.
    zipped(tmp_path / "new.pt2", a__archive_format="pt2", **{"a__models__model.json": "{}"})
    zipped(tmp_path / "old.pt", **{"serialized_exported_program.json": "{}", "version": "5.1"})
    for name in ("new.pt2", "old.pt"):
        message = refusal(tmp_path / name)
        assert "exported by torch.export (.pt2), which can run code and is never loaded" in message
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, but its files are around
        torch.jit.script(network).save(tmp_path / "script.pt")
    assert "is TorchScript" in refusal(tmp_path / "script.pt")


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])
@pytest.mark.parametrize("suffix", ["pth.tar", "ckpt", "bin", "onnx", "safetensors"])
def test_that_what_torch_wrote_is_read_under_any_suffix(options, suffix, tmp_path):
    path = tmp_path / f"w.{suffix}"
    path.write_bytes(saved(**options))
    assert torch.equal(read_file(path).value["conv1.weight"], STATE["conv1.weight"])


def test_that_an_absurd_safetensors_header_is_refused_at_once(tmp_path):
    path = tmp_path / "w.safetensors"
    entry = '"t{0}":{{"dtype":"F32","shape":[1],"data_offsets":[{1},{2}]}}'
    header = "{" + ",".join(entry.format(k, 4 * k, 4 * k + 4) for k in range(200_000)) + "}"
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + bytes(800_000))
    start = time.perf_counter()
    assert "a safetensors header of 13" in refusal(path)
    assert time.perf_counter() - start < 0.5


def test_that_an_archive_cannot_unpack_to_far_more_than_its_size(tmp_path):
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", b"\x80\x02}q\x00.")
        archive.writestr("w/data/0", bytes(50 << 20))
    assert "far more than its own size" in refusal(path)


def test_that_a_pickle_of_too_many_steps_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.networks.opening.reading.MOST_READS", 2_000)
    monkeypatch.setattr("engine.networks.opening.reading.MOST_PICKLED", 2_000)
    many = {str(k): k for k in range(2_000)}
    for options in ({}, {"_use_new_zipfile_serialization": False}):
        path = tmp_path / "many.pt"
        path.write_bytes(saved(many, **options))
        assert "has too many entries to read" in refusal(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_that_pipes_devices_and_folders_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.pt")
    assert "is no regular file" in refusal(tmp_path / "pipe.pt")
    assert "is no regular file" in refusal(tmp_path)
    with pytest.raises(WeightsError, match="is no regular file"):
        read_file(formats.Path("/dev/zero"))
