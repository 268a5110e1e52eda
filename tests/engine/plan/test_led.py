"""A run that workers compute: what reaches them, and what happens if they refuse, die or go."""

import threading
import time
from concurrent.futures import Future
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from engine import plugins
from engine.devices.maker import libraries
from engine.jobs import device_images
from engine.jobs.context import Cache
from engine.jobs.events import Ended, ProbeMaps, Started, WorkerNews
from engine.plan.sharing import crew as crew_module
from engine.plan.sharing import led as led_module
from engine.plan.sharing import on_worker
from engine.plan.sharing.cluster import GONE, SchedulerGone, Workers
from engine.plan.sharing.crew import Crew, Hand
from engine.plan.sharing.led import LedScheduler
from engine.plan.sharing.on_worker import Answer, Order, Slot
from engine.plan.sharing.relay import event_from
from engine.plan.slots import slots_on
from engine.specs import Glyphs, SmallCNN, Training
from engine.specs.schema import from_dict
from engine.store.study import Result, Study, StudyError

SECONDS = 30


class Told(list):
    """Events, and the waiting for one of them."""

    def wait(self, wanted):
        end = time.monotonic() + SECONDS
        while not any(map(wanted, self)):
            assert time.monotonic() < end, list(self)
            time.sleep(0.01)

    def outcomes(self):
        return {event.key: event.outcome for event in self if isinstance(event, Ended)}


class FakeCrew:
    """Workers "a" and "b" that answer an order as a test says, and note what they are told."""

    def __init__(self, workers, asked, emit, on_count):
        self.slot, self.emit = asked, emit
        self.run, self.pictures = "run", 0.0
        self.orders, self.steered, self.refused = [], [], []
        self.answer = self.computed
        self.gone = ""
        self.addresses = {"a", "b"}

    def connect(self):
        self.check()

    def check(self):
        if self.gone:
            raise SchedulerGone(self.gone)

    def give_up(self):
        pass

    def close(self, timeout):
        pass

    def hand_out(self, order, box):
        self.check()
        self.orders.append(order)
        future = Future()
        future.status = "pending"
        threading.Thread(target=self.go, args=(order, box, future), daemon=True).start()
        return future, self.addresses - set(self.refused) if self.refused else set()

    def go(self, order, box, future):
        answer = self.answer(order, box)
        if answer is not None:
            future.status = "finished"
            future.set_result(answer)
        box.put(None)

    def computed(self, order, box):
        study = Study(self.study.path)
        for spec in map(from_dict, order.forms):
            box.put(Started(spec.key, spec.kind, spec.title, "worker 1"))
            study.write(spec, Result({"loss": 0.5}), seconds=1.0, provenance={})
            box.put(Ended(spec.key, "finished", 1.0))
        return Answer("a")

    def is_over(self, order, future):
        pass

    def steer(self, order, cancelled, paused):
        self.steered.append((cancelled, paused))

    def refuse(self, address, order, reason, *, wholly=False):
        self.refused.append(address)
        return f"worker {address} {reason}"

    def is_left(self, order):
        return bool(self.addresses - set(self.refused))


@pytest.fixture
def led(tmp_path, monkeypatch):
    monkeypatch.setattr(led_module, "Crew", FakeCrew)
    told = Told()
    study = Study(tmp_path / "s", create=True)
    workers = Workers.__new__(Workers)
    object.__setattr__(workers, "count", 2)
    found = LedScheduler(study, slots_on("cpu", 1, 1), told.append, workers, Slot("cpu", 1, 1))
    found.crew.study, found.told = study, told
    yield found
    found.stop(1.0)


def trainings(count=3, **changes):
    images = Glyphs(train=40, test=20)
    return [Training(images=images, network=SmallCNN(), seed=n, **changes) for n in range(count)]


def test_that_every_computation_is_handed_out_once_and_after_what_it_needs(led):
    queued = led.add(trainings())
    assert led.wait(SECONDS)
    handed = [from_dict(form).key for order in led.crew.orders for form in order.forms]
    assert sorted(handed) == sorted(spec.key for spec in queued)
    assert handed[0] == queued[0].key  # the images, which all others need
    assert set(led.told.outcomes().values()) == {"finished"}
    assert all(led.study.has(spec) for spec in queued)


def test_that_what_was_finished_before_a_worker_died_is_not_lost(led):
    """Its end was not heard, and the next worker found the record: it said nothing of it."""

    def answer(order, box):
        for spec in map(from_dict, order.forms):
            Study(led.study.path).write(spec, Result({}), seconds=1.0, provenance={})
        return Answer("b")

    led.crew.answer = answer
    queued = led.add(trainings())
    assert led.wait(SECONDS)
    assert led.told.outcomes() == {spec.key: "finished" for spec in queued}


def test_that_a_record_that_a_drive_shows_late_is_waited_for(led, monkeypatch):
    visible, take_up = threading.Event(), led.study.take_up
    monkeypatch.setattr(led.study, "take_up", lambda spec: visible.is_set() and take_up(spec))
    queued = led.add(trainings())
    assert led.wait(SECONDS)
    assert led.told.outcomes() == {spec.key: "finished" for spec in queued}
    assert {spec.key for spec in led.unseen()} == {spec.key for spec in queued}
    visible.set()
    assert led.unseen() == []
    assert all(led.study.has(spec) for spec in queued)


def test_that_a_failure_on_a_worker_ends_what_needs_it_with_the_reason(led):
    led.crew.answer = lambda order, box: Answer(
        "a", {from_dict(form).key: "it cannot be computed" for form in order.forms}
    )
    queued = led.add(trainings())
    assert led.wait(SECONDS)
    assert set(led.told.outcomes().values()) == {"failed"}
    messages = [event.message for event in led.told if isinstance(event, Ended)]
    assert messages[0] == "it cannot be computed"
    assert messages[1:] == [f"it needs {queued[0].title!r}, which failed"] * 3


def test_that_cancelling_reaches_the_worker_and_the_rest_goes_on(led):
    images = led.add(trainings(0) or [Glyphs(train=40, test=20)])
    assert led.wait(SECONDS)
    assert led.study.has(images[0])
    cancelled = threading.Event()

    def answer(order, box):
        specs = [from_dict(form) for form in order.forms]
        for spec in specs:
            box.put(Started(spec.key, spec.kind, spec.title, "worker 1"))
        assert cancelled.wait(SECONDS)
        end = time.monotonic() + SECONDS
        while not led.crew.steered and time.monotonic() < end:
            time.sleep(0.01)
        given_up = led.crew.steered[0][0]
        for spec in specs:
            if spec.key not in given_up:
                Study(led.study.path).write(spec, Result({}), seconds=1.0, provenance={})
        return Answer("a", cancelled=tuple(given_up))

    led.crew.answer = answer
    queued = led.add(trainings(2, epochs=3))
    led.told.wait(lambda event: isinstance(event, Started) and event.key == queued[0].key)
    led.cancel(queued[0].key)
    cancelled.set()
    assert led.wait(SECONDS)
    outcomes = led.told.outcomes()
    assert outcomes[queued[0].key] == "cancelled"
    assert outcomes[queued[1].key] == "finished"


def test_that_a_pause_reaches_the_worker_and_nothing_more_is_handed_out(led):
    going = threading.Event()

    def answer(order, box):
        assert going.wait(SECONDS)
        return led.crew.computed(order, box)

    led.crew.answer = answer
    led.add(trainings())
    while not led.crew.orders:
        time.sleep(0.01)
    led.pause()
    end = time.monotonic() + SECONDS
    while ([], True) not in led.crew.steered:
        assert time.monotonic() < end
        time.sleep(0.01)
    going.set()
    time.sleep(0.5)
    assert len(led.crew.orders) == 1
    led.resume()
    assert led.wait(SECONDS)


def test_that_a_scheduler_that_goes_ends_the_run_with_one_sentence_and_a_retry_goes_on(led):
    def answer(order, box):
        led.crew.gone = GONE
        return None

    led.crew.answer = answer
    queued = led.add(trainings())
    assert led.wait(SECONDS)
    assert led.gone == GONE
    assert led.told.outcomes() == {spec.key: "cancelled" for spec in queued}
    led.crew.gone, led.crew.answer = "", led.crew.computed
    again = led.add(trainings())
    assert [spec.key for spec in again] == [spec.key for spec in queued]
    assert led.wait(SECONDS)
    assert all(led.study.has(spec) for spec in queued)
    assert led.gone == ""


def test_that_what_one_worker_refuses_another_computes(led):
    def answer(order, box):
        if not led.crew.refused:
            return Answer("a", refused="has another bump.py")
        return led.crew.computed(order, box)

    led.crew.answer = answer
    queued = led.add(trainings(1))
    assert led.wait(SECONDS)
    assert led.told.outcomes() == {spec.key: "finished" for spec in queued}
    assert led.crew.refused == ["a"]


def test_that_what_all_workers_refuse_fails_with_the_sentence(led):
    names = iter("ab")
    led.crew.answer = lambda order, box: Answer(next(names), refused="has another bump.py")
    queued = led.add(trainings(0) or [Glyphs(train=40, test=20)])
    assert led.wait(SECONDS)
    ended = [event for event in led.told if isinstance(event, Ended)]
    assert [event.key for event in ended] == [queued[0].key]
    assert ended[0].message == "worker b has another bump.py"


def test_that_workers_that_are_still_starting_are_not_waited_for(tmp_path, monkeypatch):
    starting = threading.Event()

    @contextmanager
    def connected(workers, device, given_up, on_wait):
        starting.set()
        while not given_up():
            time.sleep(0.01)
        yield None

    monkeypatch.setattr(crew_module, "connected", connected)
    workers = Workers.__new__(Workers)
    object.__setattr__(workers, "count", 2)
    study, told = Study(tmp_path / "s", create=True), Told()
    led = LedScheduler(study, slots_on("cpu", 1, 1), told.append, workers, Slot("cpu", 1, 1))
    queued = led.add(trainings())
    assert starting.wait(SECONDS)
    begun = time.monotonic()
    led.begin_stop()
    assert led.stop(SECONDS)
    assert time.monotonic() - begun < SECONDS / 2
    assert told.outcomes() == {spec.key: "cancelled" for spec in queued}


# ------------------------------------------------------------------------------ who there is, said


@pytest.fixture
def crew(monkeypatch):
    """A crew whose client knows the workers that a test puts into ``there``."""
    told, there = Told(), {}

    class Client:
        def run(self, function, *arguments, workers, on_error):
            return {one: there[one]["about"] for one in workers if one in there}

    monkeypatch.setattr(crew_module, "workers_of", lambda client: dict(there))
    workers = Workers.__new__(Workers)
    object.__setattr__(workers, "count", 2)
    found = Crew(workers, Slot("cpu", 1, 1), told.append, lambda count: None)
    found._client, found.told, found.there = Client(), told, there
    return found


def worker(name, process=7):
    about = {"device": "CPU", "process": process, "host": "node1", "libraries": libraries()}
    return {"name": name, "nthreads": 1, "about": about}


def sentences(crew):
    return [(event.state, event.text) for event in crew.told if isinstance(event, WorkerNews)]


def test_that_coming_loss_and_return_of_a_worker_are_a_sentence_each(crew):
    crew.there.update({"tcp://1": worker(0), "tcp://2": worker(1, 8)})
    crew._look()
    crew.hands["worker 2"].computing["key"] = "Standard, seed 0"
    del crew.there["tcp://2"]
    crew._look()
    crew._look()
    crew.there["tcp://3"] = worker(1, 9)
    crew._look()
    assert sentences(crew) == [
        ("ready", "worker 1 (process 7) is ready and computes on CPU"),
        ("ready", "worker 2 (process 8) is ready and computes on CPU"),
        (
            "lost",
            "worker 2 (process 8) was lost while it computed 'Standard, seed 0': it is started "
            "again, and its work goes on with whoever is free",
        ),
        ("back", "worker 2 (process 9) is back and computes on CPU"),
    ]


@pytest.mark.parametrize("found", ["Isthmus 0.0.9, torch 1.0, numpy 1.0", None])
def test_that_a_worker_of_other_versions_is_told_of_in_one_sentence(crew, found):
    one = worker(0)
    if found is None:  # it does not say which
        del one["about"]["libraries"]
    else:
        one["about"]["libraries"] = found
    crew.there.update({"tcp://1": one, "tcp://2": worker(1, 8)})
    crew._look()
    crew._look()
    told = [text for state, text in sentences(crew) if state == "differs"]
    assert told == [
        f"worker 1 has {found or 'an earlier version'}, this process {libraries()}: its numbers "
        "may differ"
    ]


def test_that_the_last_worker_of_a_scheduler_that_goes_is_waited_for(crew):
    object.__setattr__(crew.workers, "scheduler", "tcp://127.0.0.1:1")
    crew.there["tcp://1"] = worker("left")
    crew._look()
    crew.there.clear()
    crew._look()
    assert sentences(crew)[-1] == (
        "lost",
        "worker left (process 7 on node1) was lost: no worker is left, and the run waits for one",
    )


def test_that_a_worker_without_the_program_gets_nothing(crew):
    about = ModuleNotFoundError("No module named 'engine'")
    crew.there.update({"tcp://1": worker("bare") | {"about": about}, "tcp://2": worker("good")})
    crew._look()
    assert crew.devices == ["CPU"]
    assert ("refused", "worker bare cannot compute here: ModuleNotFoundError: No module named "
            "'engine'") in sentences(crew)  # fmt: skip
    assert crew._refusing(Order("o", "s", [], Slot())) == {"tcp://1"}


def test_that_a_worker_that_refused_a_file_still_gets_what_does_not_need_it(crew):
    crew.hands = {"worker 1": Hand("worker 1", "a", 1), "worker 2": Hand("worker 2", "b", 1)}
    needs, plain = Order("o", "s", [], Slot(), [("/x.py", "digest")]), Order("p", "s", [], Slot())
    said = crew.refuse("a", needs, "has another x.py")
    assert said == "worker 1 has another x.py; it computes nothing that needs the file"
    assert crew.refuse("a", needs, "has another x.py") == said
    assert len(sentences(crew)) == 1
    assert crew._refusing(needs) == {"a"}
    assert crew._refusing(plain) == set()
    assert crew.is_left(needs)
    crew.refuse("b", needs, "has another x.py")
    assert not crew.is_left(needs)


def test_that_a_worker_that_cannot_compute_in_the_study_gets_nothing_more(crew):
    crew.hands = {"worker 1": Hand("worker 1", "a", 1), "worker 2": Hand("worker 2", "b", 1)}
    needs, plain = Order("o", "s", [], Slot(), [("/x.py", "digest")]), Order("p", "s", [], Slot())
    said = crew.refuse("a", plain, "cannot compute in the study: gone", wholly=True)
    assert said == "worker 1 cannot compute in the study: gone; it computes nothing"
    assert crew._refusing(needs) == crew._refusing(plain) == {"a"}
    assert crew.is_left(plain)
    crew.refuse("b", needs, "cannot compute in the study: gone", wholly=True)
    assert not crew.is_left(plain)


# -------------------------------------------------------------------------------------- on a worker


@pytest.mark.parametrize("fault", ["no study", "another version", "read-only", "a newer study"])
def test_that_a_worker_that_cannot_compute_in_a_study_refuses_in_a_sentence(
    tmp_path, monkeypatch, fault
):
    folder, forms = tmp_path / "s.isthmus", [Glyphs().as_dict()]
    if fault != "no study":
        Study(folder, create=True)
    if fault == "another version":
        forms[0]["unheard_of"] = 1
    if fault == "read-only":
        monkeypatch.setattr(on_worker, "Presence", refusing)
    if fault == "a newer study":
        (folder / "study.json").write_text('{"schema": 99}', encoding="utf-8")
    monkeypatch.setattr("distributed.get_worker", lambda: SimpleNamespace(address="a"))
    answer = on_worker.compute_bundle(Order("o", str(folder), forms, Slot()))
    assert answer.useless
    assert answer.refused.startswith("cannot compute in the study: ")
    words = {"no study": "does not exist", "read-only": "Read-only file system"}
    words |= {"another version": "unheard_of", "a newer study": "has schema 99"}
    assert words[fault] in answer.refused
    assert answer.failed == {}
    assert answer.cancelled == ()


def test_that_a_worker_that_loses_its_device_hands_its_work_to_another(bundle, monkeypatch):
    reason = "the GPU was lost (CUDA error: unspecified launch failure)"
    monkeypatch.setattr("engine.plan.running.why_lost", lambda device: reason)
    monkeypatch.setattr(device_images, "load", refusing)
    forms = [trainings(1, epochs=1)[0].images.as_dict()]
    answer = on_worker.compute_bundle(Order("o", str(bundle.folder), forms, Slot("cpu", 1, 1)))
    assert answer.useless
    assert answer.refused == f"stopped, as {reason}"
    assert answer.failed == {}


def refusing(folder, *_, **__):
    raise StudyError(f"{folder} cannot be written: Read-only file system")


def test_that_a_file_of_other_content_is_named_and_not_run(tmp_path, monkeypatch):
    ran = tmp_path / "ran"
    file = tmp_path / "bump.py"
    file.write_text(f"open({str(ran)!r}, 'w').close()\n")
    digest = plugins.digest_of(file)
    file.write_text(file.read_text() + "# changed\n")
    reason = on_worker._reason_against([(str(file), digest)])
    assert reason.startswith("has another bump.py than whoever leads the run: SHA-256 ")
    assert digest[:10] in reason
    assert not ran.exists()


def test_that_a_file_that_is_not_there_is_named(tmp_path):
    reason = on_worker._reason_against([(str(tmp_path / "bump.py"), "0" * 64)])
    assert reason.startswith("cannot load bump.py: ")


def test_that_what_is_asked_before_an_order_begins_is_kept_for_it():
    class Run:
        def __init__(self):
            self.given_up, self.scheduler = set(), self

        def give_up(self, keys):
            self.given_up |= set(keys)

        def pause(self):
            self.paused = True

        def resume(self):
            self.paused = False

    on_worker.steer("early", ["key"], True)
    run = Run()
    asked = on_worker._begin("early", run)
    assert (run.given_up, run.paused) == ({"key"}, True)
    on_worker.steer("early", [], False)
    assert not run.paused
    assert asked.cancelled == {"key"}
    del on_worker._STEERED["early"]


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """Compute orders in this process as a worker would; count how often images are read."""
    dask = pytest.importorskip("distributed", reason="the extra cluster is not installed")
    told, reads = [], []

    class Worker:
        name, address = 0, "tcp://127.0.0.1:1"

        def log_event(self, topic, message):
            told.append(on_worker_event(message))

    def on_worker_event(message):
        return event_from(message["kind"], message["fields"])

    def counted(*arguments, **more):
        reads.append(arguments[0])
        return load(*arguments, **more)

    load = device_images.load
    monkeypatch.setattr(dask, "get_worker", Worker)
    monkeypatch.setattr(device_images, "load", counted)
    on_worker._KEPT.clear()
    folder = tmp_path / "s"
    Study(folder, create=True)

    def compute(specs, run="one", **more):
        forms = [spec.as_dict() for spec in specs]
        order = Order(f"order {len(reads)}", str(folder), forms, Slot("cpu", 1, 1), (), run, **more)
        assert on_worker.compute_bundle(order).failed == {}

    compute.told, compute.reads, compute.folder = told, reads, folder
    yield compute
    on_worker._KEPT.clear()


def test_that_a_worker_reads_images_once_for_all_orders_of_a_run(bundle):
    images = Glyphs(train=40, test=20)
    bundle([images])
    for spec in trainings(2, epochs=1):
        bundle([spec])
    assert bundle.reads == [images]
    bundle(trainings(3, epochs=1)[2:], run="two")  # of another window: files may have changed
    assert bundle.reads == [images] * 2
    assert [run for run, _ in on_worker._KEPT] == ["two"]
    on_worker.forget("one")
    bundle(trainings(4, epochs=1)[3:], run="two")
    assert bundle.reads == [images] * 2
    on_worker.forget("two")
    assert on_worker._KEPT == {}
    assert len(Study(bundle.folder).entries) == 5


def test_that_what_workers_keep_is_bounded_by_the_memory_that_they_share():
    alone = on_worker._cache_of(Order("o", "s", [], Slot(), (), "a"))
    shared = on_worker._cache_of(Order("o", "s", [], Slot(sharers=4), (), "b"))
    assert alone.limit == Cache().limit
    assert shared.limit == alone.limit // 4
    on_worker.forget("b")


def test_that_live_maps_reach_a_window_that_asks_for_them(bundle):
    bundle([Glyphs(train=40, test=20)])
    first, second = trainings(2, epochs=1)
    bundle([first])
    assert not any(isinstance(event, ProbeMaps) for event in bundle.told)
    bundle([second], pictures=0.001)
    shown = [event for event in bundle.told if isinstance(event, ProbeMaps)]
    assert shown
    assert {event.key for event in shown} == {second.key}
    kept = Study(bundle.folder).read(second).arrays
    np.testing.assert_array_equal(shown[-1].images, kept["probes/images"])
    largest = np.abs(kept["probes/attributions"][-1]).max((1, 2, 3), keepdims=True)
    apart = np.abs(shown[-1].attributions - kept["probes/attributions"][-1])
    assert (apart <= 1e-3 * largest).all()


def test_that_a_crew_asks_for_fewer_pictures_of_each_where_many_compute(crew):
    assert crew.pictures == 0.0
    crew.shown = True
    assert crew.pictures == 1.0
    crew.hands = {str(n): Hand(str(n), f"a{n}", 2) for n in range(40)}
    assert crew.pictures == 80 / 8
