"""The script that holds our attacks against pyautoattack's, on few images and little time."""

import json

import pytest
import torch
from torch import nn

from tests.benchmarks import autoattack
from tests.benchmarks.autoattack_report import Clock, Found, Outcomes, OutOfTime, compared, verdict
from tests.data_sources import real_data

CPU = torch.device("cpu")


def run(path, *more):
    real_data("mnist")
    real_data("checkpoints/trades-mnist-smallcnn.pt")
    code = autoattack.main(["ce-mnist", "--images", "8", "--out", str(path / "out.json"), *more])
    return code, json.loads((path / "out.json").read_text())


@pytest.fixture(autouse=True)
def as_before():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_that_a_row_says_verdicts_and_times_of_both(tmp_path):
    code, told = run(tmp_path, "--again")
    row = told["rows"]["ce-mnist"]
    assert code == 0
    assert (row["state"], row["n"], row["same"]) == ("whole", 8, 1.0)
    assert row["ours"]["verdicts"] == row["theirs"]["verdicts"]
    assert set(row["ours"]["verdicts"]) == {"0", "1"}, "some stand and some fall"
    assert row["above"] == 0.0
    assert row["ratios"] == [
        a / b for a, b in zip(row["ours"]["processor"], row["theirs"]["processor"], strict=True)
    ]
    assert len(row["again"]["verdicts"]) == 8


def test_that_a_comparison_without_time_says_what_was_left_out(tmp_path):
    _, told = run(tmp_path, "--minutes", "0")
    assert told["rows"]["ce-mnist"]["state"] == "left out, no time left"
    assert told["state"] == "ended; 0 of 1 rows failed"


def test_that_a_row_that_fails_leaves_the_others(tmp_path, monkeypatch):
    def fail(*given, **settings):
        raise RuntimeError("the peer fails")

    monkeypatch.setattr(autoattack, "theirs", fail)
    code, told = run(tmp_path)
    assert code == 1
    assert told["rows"]["ce-mnist"]["state"] == "failed: RuntimeError: the peer fails"
    assert told["state"] == "ended; 1 of 1 rows failed"


def test_that_a_network_is_stopped_at_the_end_of_the_time():
    model, images = nn.Flatten(), torch.zeros(1, 4)
    with Clock(None).guarding(model):
        model(images)
    late = Clock(-1)
    with pytest.raises(OutOfTime), late.guarding(model):
        model(images)
    model(images)


def test_that_shares_and_goals_are_of_all_parts(tmp_path):
    our, their = Found(), Found()
    for mine, yours in (([True, False], [True, False]), ([True, True], [True, False])):
        our.add(lambda v=mine: torch.tensor(v), CPU)
        their.add(lambda v=yours: torch.tensor(v), CPU)
    our.processor, their.processor = [1.0, 1.0], [4.0, 2.0]
    found = compared(our, their, CPU)
    assert (found["same"], found["above"], found["ratio"]) == (0.75, 0.25, 0.375)
    assert found["goals"] == {"same": "not met", "above": "undecided", "time": "met"}
    assert (found["only_ours"], found["only_theirs"], found["p"]) == (1, 0, 1.0)
    beside = compared(our, their, CPU, our)["goals"]["same"]
    assert beside == "not shown to be below the peer with itself"
    assert compared(our, their, CPU, their)["again"]["same"] == 1.0
    outcomes = Outcomes(tmp_path / "out.json")
    outcomes.tell("row", **found)
    assert json.loads((tmp_path / "out.json").read_text())["rows"]["row"]["ours"]["verdicts"] == (
        "1011"
    )


def test_that_more_differences_than_the_peer_has_with_itself_are_not_excused():
    our, their, again = Found(), Found(), Found()
    kept = torch.arange(1000) < 300
    for found, standing in ((their, kept), (again, kept), (our, torch.arange(1000) < 330)):
        found.add(lambda v=standing: v, CPU)
    row = compared(our, their, CPU, again)
    assert row["goals"]["same"] == "not met"
    assert row["goals"]["above"] == "not met", "3 points above, at least 2"
    assert verdict({"row": row, "left out": {}}) == "row: ours leaves more standing"
    assert (
        verdict({"row": compared(their, again, CPU)}) == "no systematic difference seen in 1 rows"
    )
