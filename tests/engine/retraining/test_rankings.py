"""Rankings are made in blocks of bounded bytes, whose number does not change them."""

import numpy as np
import pytest
import torch

from engine import specs
from engine.jobs.context import Context
from engine.retraining import rankings
from engine.retraining.rankings import rank_type, ranking, removal
from engine.retraining.retrain import removed_pixels
from tests.engine.conftest import GLYPHS

RANDOM = specs.RandomRanking(images=GLYPHS)
RELEASED = RANDOM.replace("form", "released")


def made(study, spec, work=ranking):
    return work(spec, Context(GLYPHS, study, torch.device("cpu"), lambda event: None))


@pytest.mark.parametrize("spec", [RANDOM, specs.SobelRanking(images=GLYPHS)])
def test_that_smaller_blocks_give_the_same_ranks(study, spec, monkeypatch):
    whole = made(study, spec)
    monkeypatch.setattr(rankings, "BLOCK_BYTES", 7 * rankings.BYTES_A_PIXEL * 28 * 28)
    parts = made(study, spec)
    assert torch.equal(whole.train, parts.train)
    assert torch.equal(whole.test, parts.test)


def test_that_smaller_blocks_give_the_same_masks(study, monkeypatch):
    occlusion = specs.Occlusion(ranking=RELEASED, fraction_removed=0.3)
    whole = made(study, occlusion, removal)
    monkeypatch.setattr(rankings, "BLOCK_BYTES", 7 * rankings.BYTES_A_PIXEL * 28 * 28)
    assert torch.equal(whole.train, made(study, occlusion, removal).train)


def test_that_large_images_are_ranked_few_at_a_time(study, monkeypatch):
    sizes = []
    real = rankings.ranks_of
    monkeypatch.setattr(
        rankings, "ranks_of", lambda found, draws: sizes.append(found.numel()) or real(found, draws)
    )
    monkeypatch.setattr(rankings, "BLOCK_BYTES", 10 * rankings.BYTES_A_PIXEL * 28 * 28)
    made(study, RANDOM)
    assert max(sizes) == 10 * 28 * 28


def test_that_large_ranks_lie_in_a_file_and_are_the_same(study, monkeypatch):
    whole = made(study, RANDOM)
    assert whole.nbytes == 300 * 28 * 28 * 2
    monkeypatch.setattr(rankings, "IN_MEMORY", 1000)
    mapped = made(study, RANDOM)
    assert mapped.nbytes == 0
    assert torch.equal(whole.train, mapped.train)
    assert [path.name for path in (study.path / "checkpoints").glob("*")] == []


@pytest.mark.parametrize(
    ("pixels", "dtype"),
    [
        (32_768, torch.int16),
        (32_769, torch.uint16),
        (65_536, torch.uint16),
        (65_537, torch.int32),
    ],
)
def test_that_ranks_take_the_smallest_type_that_holds_them(pixels, dtype):
    assert rank_type(pixels) is dtype
    assert np.iinfo(str(dtype).removeprefix("torch.")).max >= pixels - 1


@pytest.mark.parametrize("mode", ["roar", "kar"])
def test_that_ranks_of_every_type_remove_the_same_pixels(mode):
    ranks = torch.stack([torch.randperm(40_000) for _ in range(2)])
    wanted = removed_pixels(ranks.int(), mode, 0.3)
    assert torch.equal(removed_pixels(ranks.to(torch.uint16), mode, 0.3), wanted)
    assert int(wanted.sum()) == 2 * 12_000
