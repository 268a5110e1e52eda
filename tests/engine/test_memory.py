"""Blocks of bounded bytes, arrays mapped from files, and how much memory the process may use."""

import os
import tracemalloc

import numpy as np
import pytest

from engine import memory

MB = 1 << 20


@pytest.mark.parametrize("count", [0, 1, 7, 64, 1000])
@pytest.mark.parametrize("bytes_each", [0, 1, 1000, 3 * MB])
def test_that_blocks_cover_everything_once_and_keep_to_their_bytes(count, bytes_each):
    parts = list(memory.blocks(count, bytes_each, limit=2 * MB))
    assert [k for part in parts for k in range(part.start, part.stop)] == list(range(count))
    for part in parts:
        length = part.stop - part.start
        assert length == 1 or length * bytes_each <= 2 * MB


def test_that_no_block_has_more_items_than_asked_for():
    parts = list(memory.blocks(12_000, 1, most=5000))
    assert [part.stop - part.start for part in parts] == [5000, 5000, 2000]


def test_that_a_large_array_lies_in_a_file_without_a_name(tmp_path):
    with memory.scratch_in(tmp_path / "made"):
        small, large = memory.room((4, 8), np.uint8, 100), memory.room((4, 80), np.int64, 100)
    assert not memory.is_mapped(small)
    assert memory.is_mapped(large[1:, 3])
    assert (memory.own_bytes(small), memory.own_bytes(large[:2])) == (32, 0)
    large[:] = 5
    assert (large.shape, large.dtype, int(large.sum())) == ((4, 80), np.int64, 5 * 320)
    if os.name != "nt":
        assert list((tmp_path / "made").iterdir()) == []


def test_that_no_room_on_the_disk_is_said_before_it_is_used(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(memory, "_reserve", full)
    with memory.scratch_in(tmp_path), pytest.raises(MemoryError, match="No space left"):
        memory.room((1000,), np.uint8, 10)


@pytest.mark.parametrize(
    ("text", "percent"), [("", 25), ("40", 40), ("0", 1), ("400", 90), ("a lot", 25), ("-3", 25)]
)
def test_that_the_environment_sets_the_share(monkeypatch, text, percent):
    monkeypatch.setenv(memory.SHARE, text)
    assert memory.image_percent() == percent
    assert memory.image_memory() == memory.usable_memory() * percent // 100


def test_that_the_limit_of_a_control_group_counts(tmp_path):
    whole = memory.usable_memory(tmp_path)
    group = tmp_path / "sys/fs/cgroup"
    (group / "memory").mkdir(parents=True)
    (group / "memory.max").write_text("max\n")
    (group / "memory/memory.limit_in_bytes").write_text(f"{2**63 - 4096}\n")
    assert memory.usable_memory(tmp_path) == whole
    (group / "memory.max").write_text(f"{300 * MB}\n")
    assert memory.usable_memory(tmp_path) == 300 * MB


@pytest.mark.parametrize("seed", range(5))
def test_that_rows_move_in_place_as_a_copy_would(seed):
    draws = np.random.default_rng(seed)
    rows, order = draws.integers(0, 255, (50, 3, 4), dtype=np.uint8), draws.permutation(50)
    expected = rows[order]
    memory.move_rows(rows, order)
    assert np.array_equal(rows, expected)


def test_that_moving_rows_needs_the_memory_of_one():
    rows, order = np.zeros((64, MB), np.uint8), np.random.default_rng(0).permutation(64)
    tracemalloc.start()
    memory.move_rows(rows, order)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * MB


@pytest.mark.parametrize(
    ("most", "side", "size"),
    [(500, 28, 500), (500, 224, 500), (250, 400, 250), (500, 400, 272), (500, 1024, 32)],
)
def test_that_only_very_large_images_go_through_a_network_in_smaller_batches(most, side, size):
    values = 3 * side * side
    assert memory.in_a_batch_of(most, values) == size
    assert 4 * values * size <= memory.BATCH_BYTES
