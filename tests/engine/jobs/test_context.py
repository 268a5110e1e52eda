"""What a computation is told of an earlier run of it."""

import pytest
import torch

from engine.devices.maker import libraries, maker
from engine.jobs.context import MAKERS, Context
from engine.specs import Glyphs, SmallCNN, Training
from engine.store.hdf5 import Content
from engine.store.study import Study

SPEC = Training(images=Glyphs(train=20, test=10), network=SmallCNN())
OLDER = "Isthmus 0.0.9, torch 1.0, numpy 1.0 on another processor"


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "s", create=True)


def begun(study):
    events = []
    return Context(SPEC, study, torch.device("cpu"), events.append), events


def saved(study, **documents):
    study.save_checkpoint(SPEC, Content({"fit": {"epoch": 1}, **documents}, {}))


def test_that_a_checkpoint_of_other_versions_is_told_of_and_stays_in_the_record(study):
    saved(study, **{MAKERS: [OLDER]})
    for _ in range(2):  # what goes on from what went on from it, too
        context, events = begun(study)
        context.checkpoint()
        ((text),) = [event.text for event in events]
        assert text == (
            f"it goes on from a checkpoint of {OLDER}, and here is {maker(context.device)}: its "
            "numbers are neither's alone"
        )
        assert context.provenance["continued_from"] == OLDER
        context.save_checkpoint({"fit": {"epoch": 2}}, {})
        assert study.checkpoint(SPEC).documents[MAKERS] == [OLDER, maker(context.device)]


@pytest.mark.parametrize("makers", [None, "text", [], {"a": 1}])
def test_that_a_checkpoint_of_the_same_versions_or_of_none_is_taken_without_a_word(study, makers):
    if makers is None:
        context, _ = begun(study)
        context.save_checkpoint({"fit": {"epoch": 1}}, {})
    else:
        saved(study, **{MAKERS: makers})
    context, events = begun(study)
    assert context.checkpoint().documents["fit"] == {"epoch": 1}
    assert (events, context.provenance) == ([], {})
    assert libraries() in maker(context.device)


def test_that_what_a_stranger_wrote_there_stays_short(study):
    saved(study, **{MAKERS: ["x" * 10_000] * 50})
    context, events = begun(study)
    context.checkpoint()
    assert len(events[0].text) < 2000
    assert len(context.provenance["continued_from"]) < 2000
