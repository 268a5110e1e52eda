"""Shards of a plan: how it is divided, and what a shard does when the others do not work."""

import json

import pytest

from engine import specs
from engine.plan.cost import work_of
from engine.plan.sharing.bundles import LARGEST, Shard, divided, everything, plan_hash, shard_of
from engine.plan.sharing.share import Share
from engine.plan.sharing.shared_run import SharedRun
from engine.plan.slots import slots_on
from engine.specs import PGD, Adversarial, Glyphs, Interpretability, SmallCNN, Training
from engine.specs.schema import SpecError
from engine.store.claims import Claims
from engine.store.presence import LEASE, Presence
from engine.store.study import Result, Study

IMAGES = Glyphs(train=40, test=20)


def trained(eps=0.0, epochs=1):
    scheme = Adversarial(attack=PGD(eps=eps, step_size=eps)) if eps else specs.Standard()
    return Training(images=IMAGES, network=SmallCNN(), scheme=scheme, epochs=epochs)


def plan_of(networks=3, repeats=1):
    base = trained()
    found = [base, *(trained(eps=0.1 * number) for number in range(1, networks))]
    scores = [
        Interpretability(
            classifier=network,
            attribution=specs.Gradient(),
            mode=mode,
            baseline=base,
            repeats=repeats,
        )
        for network in found
        for mode in ("roar", "kar")
    ]
    return everything([*found, *scores])


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Process:
    """A shard in this process, whose computations do nothing."""

    def __init__(self, path, plan, shard, clock, take_over=600.0, *, fails=(), **about):
        self.study = Study(path, create=True)
        self.said, self.computed = [], []
        owners = divided(plan, shard.count)
        presence = Presence(path, shard.index, shard.count, plan_hash(plan), clock, **about)

        def compute(spec, context):
            self.computed.append(spec.key)
            if spec.key in fails:
                raise ValueError("it cannot be computed")
            return Result({"accuracy": 0.5, "clean_accuracy": 0.5})

        self.run = SharedRun(
            self.study,
            slots_on("cpu", 1, 1),
            Share(plan, owners, shard),
            lambda event: self.said.append(getattr(event, "text", getattr(event, "message", ""))),
            presence=presence,
            take_over=take_over,
            computations={one.spec.kind: compute for one in plan},
            clock=clock,
        )
        self.clock = clock

    def steps(self, count=40):
        """Let the run go on until nothing happens any more."""
        for _ in range(count):
            if self.run.finished:
                return
            self.clock.now += 2.5
            self.run.step()
            self.run.scheduler.wait(5)

    def end(self):
        self.run.run(lambda: True)

    @property
    def lines(self):
        return [line for line in self.said if line]


# ------------------------------------------------------------------------------------- the division


@pytest.mark.parametrize(
    "text", ["0/2", "3/2", "1/0", "1", "/", "a/b", "1/2/3", "-1/2", "1/", "²/3"]
)
def test_that_a_shard_that_does_not_exist_is_refused_in_a_sentence(text):
    with pytest.raises(SpecError, match=r"--shard is .*must be"):
        shard_of(text)


def test_that_a_shard_is_read():
    assert shard_of("2/8") == Shard(2, 8)
    assert str(shard_of("1/1")) == "1/1"


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_that_every_computation_belongs_to_exactly_one_shard(count):
    plan = plan_of()
    owners = divided(plan, count)
    assert set(owners) == {one.spec.key for one in plan}
    assert set(owners.values()) <= set(range(1, count + 1))
    assert divided(plan_of(), count) == owners


def test_that_a_network_lies_with_what_is_made_of_it():
    plan = plan_of(networks=8)
    owners = divided(plan, 2)
    for one in plan:
        if isinstance(one.spec, Interpretability):
            assert owners[one.spec.key] == owners[one.spec.classifier.key]
            for made in one.spec.retrainings("attribution"):
                assert owners[made.key] == owners[one.spec.key]


def test_that_shares_are_about_even():
    plan = plan_of(networks=9, repeats=2)
    for count in (2, 4):
        loads = [0.0] * count
        for key, shard in divided(plan, count).items():
            spec = next(one.spec for one in plan if one.spec.key == key)
            loads[shard - 1] += work_of(spec).passes
        assert max(loads) < (1 + LARGEST) * sum(loads) / count


def test_that_one_network_with_many_retrainings_is_divided():
    plan = plan_of(networks=1, repeats=4)
    assert set(divided(plan, 3).values()) == {1, 2, 3}


# -------------------------------------------------------------------------------------- two at work


def test_that_two_shards_compute_everything_once(tmp_path):
    plan, clock = plan_of(), Clock()
    two = [Process(tmp_path / "s", plan, Shard(index, 2), clock) for index in (1, 2)]
    for _ in range(100):
        for one in two:
            one.steps(1)
    computed = [key for one in two for key in one.computed]
    assert sorted(computed) == sorted(one.spec.key for one in plan)
    for one in two:
        one.end()
    assert not (tmp_path / "s" / "shards").exists()


def test_that_two_shards_with_one_number_share_the_work(tmp_path):
    plan, clock = plan_of(), Clock()
    twins = [Process(tmp_path / "s", plan, Shard(1, 1), clock) for _ in range(2)]
    for _ in range(100):
        for one in twins:
            one.steps(1)
    computed = [key for one in twins for key in one.computed]
    assert sorted(computed) == sorted(one.spec.key for one in plan)
    assert all(len(one.computed) > 5 for one in twins)


def test_that_a_shard_that_never_begins_is_named_and_its_work_is_done_after_the_time(tmp_path):
    plan, clock = plan_of(), Clock()
    one = Process(tmp_path / "s", plan, Shard(1, 2), clock, take_over=600.0)
    one.steps(60)
    waited = [line for line in one.lines if line.startswith("waiting since")]
    assert waited, one.lines
    assert "shard 2/2, which has not begun (here from" in waited[0]
    assert not one.run.finished
    clock.now += 600
    one.steps(200)
    assert one.run.finished
    assert any("shard 2/2 has not begun: what is needed of it" in line for line in one.lines)
    assert len(set(one.computed)) == len(one.computed)


def test_that_a_shard_with_another_file_of_methods_is_named_once_with_both(tmp_path):
    clock = Clock()
    one = Process(tmp_path / "s", plan_of(), Shard(1, 2), clock, files="mine.py 0123456789")
    two = Process(tmp_path / "s", plan_of(2), Shard(2, 2), clock, files="mine.py abcdef0123")
    for _ in range(10):
        one.steps(1)
        two.steps(1)
    title = two.run._presence.me.title
    assert one.lines.count(
        f"{title} computes another plan: it was given mine.py abcdef0123, this one mine.py "
        "0123456789, and all shards must have the same"
    ) == 1, one.lines  # fmt: skip
    for process in (one, two):
        process.end()


@pytest.mark.parametrize("other", ["Isthmus 0.0.9, torch 1.0, numpy 1.0", ""])
def test_that_a_shard_of_other_versions_is_told_of_in_one_sentence_and_helps(tmp_path, other):
    plan, clock = plan_of(), Clock()
    one = Process(tmp_path / "s", plan, Shard(1, 2), clock, libraries="Isthmus 0.1.0")
    two = Process(tmp_path / "s", plan, Shard(2, 2), clock, libraries=other)
    for _ in range(100):
        one.steps(1)
        two.steps(1)
    title = two.run._presence.me.title
    sentence = f"{title} has {other or 'an earlier version'}, this process Isthmus 0.1.0"
    assert one.lines.count(f"{sentence}: its numbers may differ") == 1, one.lines
    assert one.run.finished
    assert two.run.finished
    assert not any("another plan" in line for line in one.lines)


def test_that_a_member_that_says_less_or_more_is_one_too(tmp_path):
    one, two = (Presence(tmp_path, n, 2, "plan") for n in (1, 2))
    path = tmp_path / "shards" / f"{two.me.name}.json"
    said = json.loads(path.read_text())
    del said["libraries"]
    said["later"] = {"a": 1}
    path.write_text(json.dumps(said))
    ((member, state),) = one.others().values()
    assert (member.title, member.libraries, state) == (two.me.title, "", "alive")
    said["shard"] = "2"
    path.write_text(json.dumps(said))
    assert one.others() == {}
    for each in (one, two):
        each.end()


def test_that_shards_of_one_plan_are_no_strangers(tmp_path):
    plan, clock = plan_of(), Clock()
    two = [Process(tmp_path / "s", plan, Shard(n, 2), clock) for n in (1, 2)]
    for _ in range(100):
        for one in two:
            one.steps(1)
    assert not any("another plan" in line for one in two for line in one.lines)


def test_that_what_is_given_up_ends_and_the_rest_is_computed(tmp_path):
    plan, clock = plan_of(networks=3), Clock()
    one = Process(tmp_path / "s", plan, Shard(1, 1), clock)
    scores = [item.spec.key for item in plan if isinstance(item.spec, Interpretability)]
    one.run.give_up(scores[:1])
    one.steps(300)
    assert one.run.finished
    assert scores[0] not in one.computed
    assert sorted([*one.computed, scores[0]]) == sorted(item.spec.key for item in plan)


def test_that_a_failure_elsewhere_ends_what_needs_it_and_not_the_rest(tmp_path):
    plan, clock = plan_of(), Clock()
    base = plan[1].spec.key
    owner = divided(plan, 2)[base]
    two = [
        Process(tmp_path / "s", plan, Shard(n, 2), clock, fails=(base,)) for n in (owner, 3 - owner)
    ]
    for _ in range(100):
        for one in two:
            one.steps(1)
    assert all(one.run.finished for one in two)
    assert all(one.run.outcomes["failed"] for one in two)
    assert sum(one.computed.count(base) for one in two) == 1
    assert any("it cannot be computed" in line for line in two[1].lines)


def test_that_what_a_shard_with_a_lost_device_had_is_computed_by_another(tmp_path, monkeypatch):
    plan, clock = plan_of(), Clock()
    owners = divided(plan, 2)
    owner = owners[plan[1].spec.key]
    reason = "the GPU was lost (CUDA error: unspecified launch failure)"
    with monkeypatch.context() as patched:
        patched.setattr("engine.plan.running.why_lost", lambda device: reason)
        ill = Process(tmp_path / "s", plan, Shard(owner, 2), clock, fails=(plan[1].spec.key,))
        ill.run.run()  # ends by itself
    assert ill.run.gone == reason
    assert ill.run.outcomes["failed"] == 0
    assert sum(reason in line and "what is finished" in line for line in ill.lines) == 1
    well = Process(tmp_path / "s", plan, Shard(3 - owner, 2), clock, take_over=0.0)
    well.steps(200)
    again = Process(tmp_path / "s", plan, Shard(owner, 2), clock)
    again.steps(200)
    assert all(well.study.take_up(one.spec) for one in plan)
    assert well.run.outcomes["failed"] == again.run.outcomes["failed"] == 0
    computed = ill.computed[:-1] + well.computed + again.computed
    assert sorted(computed) == sorted(one.spec.key for one in plan)  # nothing twice


def test_that_a_look_does_not_read_again_what_is_done(tmp_path, monkeypatch):
    """Claims are kept for minutes; a look every 2 s at hundreds of them costs what they bring."""
    plan, clock = plan_of(), Clock()
    one = Process(tmp_path / "s", plan, Shard(1, 1), clock)
    one.steps(100)
    one.run._claims.look()
    read = []
    monkeypatch.setattr(Claims, "_read", lambda self, key, number: read.append(key))
    one.run._claims.look()
    assert read == []
    assert all(one.run._claims.on(other.spec.key).state == "done" for other in plan)
    monkeypatch.undo()
    one.end()


def test_that_a_record_that_is_seen_late_is_waited_for(tmp_path, monkeypatch):
    """A network drive shows a new file up to a minute late; the claim says that it is there."""
    plan, clock = plan_of(), Clock()
    two = [Process(tmp_path / "s", plan, Shard(n, 2), clock) for n in (1, 2)]
    written = {}
    for one in two:
        write, take_up = one.study.write, one.study.take_up
        seen = one.study

        def note(spec, result, *, write=write, **told):
            entry = write(spec, result, **told)
            written[spec.key] = clock.now
            return entry

        def late(spec, *, take_up=take_up, seen=seen):
            return seen.has(spec) or (is_visible(spec.key) and take_up(spec))

        monkeypatch.setattr(one.study, "write", note)
        monkeypatch.setattr(one.study, "take_up", late)

    def is_visible(key):
        return clock.now - written.get(key, clock.now) > 60.0

    listed = SharedRun._record_files
    monkeypatch.setattr(
        SharedRun,
        "_record_files",
        lambda run, keys: (path for path in listed(run, keys) if is_visible(path.stem)),
    )
    for _ in range(400):
        for one in two:
            one.steps(1)
    assert all(one.run.finished for one in two)
    computed = [key for one in two for key in one.computed]
    assert sorted(computed) == sorted(one.spec.key for one in plan)


def test_that_a_silent_process_on_another_machine_counts_as_dead_after_its_lease(
    tmp_path, monkeypatch
):
    plan, clock = plan_of(), Clock()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("engine.store.presence.this_machine", lambda: "another1")
        lost = Process(tmp_path / "s", plan, Shard(2, 2), clock)
    lost.run._claims.take(plan[0].spec.key)  # and is never heard of again
    one = Process(tmp_path / "s", plan, Shard(1, 2), clock, take_over=0.0)
    one.steps(int(LEASE / 2.5) - 5)
    assert plan[0].spec.key not in one.computed
    one.steps(100)
    assert plan[0].spec.key in one.computed
    assert one.run.finished
    assert any("died while it computed 'Glyphs" in line for line in one.lines)


def test_that_what_only_present_results_required_is_not_computed_again(tmp_path):
    plan = plan_of(networks=1)
    study = Study(tmp_path / "s", create=True)
    *parents, score = [one.spec for one in plan]
    study.write(score, Result({"score": 0.5}), seconds=1.0, provenance={})
    share = Share(plan, divided(plan, 1), Shard(1, 1), frozenset({score.key}))
    assert share.missing_in(study) == share.open_in(study) == {}
    # One more that is asked for needs what is not there, and nothing that only the first needed.
    network = next(spec for spec in parents if isinstance(spec, Training))
    share = Share(plan, divided(plan, 1), Shard(1, 1), frozenset({score.key, network.key}))
    assert [*share.open_in(study)] == [spec.key for spec in [network.images, network]]


def test_that_nothing_is_computed_for_a_record_whose_place_is_taken(tmp_path):
    network = trained()
    score = Interpretability(
        classifier=network, attribution=specs.Gradient(), mode="roar", baseline=network, repeats=1
    )
    other = trained(eps=0.1)
    plan = everything([score, other])
    Study(tmp_path / "study", create=True)
    (tmp_path / "study" / "records" / score.kind / f"{score.key}.h5").mkdir(parents=True)
    one = Process(tmp_path / "study", plan, Shard(1, 1), Clock())
    one.run.share.asked = {score.key, other.key}
    one.run.run()
    assert set(one.computed) == {IMAGES.key, other.key}
    assert one.run.outcomes["failed"] == 1
    assert f"record {score.key} cannot be written: a folder is in its place" in one.said
    assert any(text.startswith("left out: ") for text in one.said)
