import threading
import time

import pytest

from engine.data.images import ingest, load
from engine.data.safety.apart import LeftBehind, Workers, apart
from engine.data.safety.patience import Patience
from engine.data.sources import FolderSource, ImagesError
from tests import image_files


class Stop(Exception):
    pass


def after(seconds):
    """Return a check that raises once so many seconds have passed."""
    end = time.monotonic() + seconds

    def check():
        if time.monotonic() > end:
            raise Stop

    return check


@pytest.fixture
def pets(tmp_path):
    return image_files.write(tmp_path / "pets", image_files.classes({"cat": 6, "dog": 6}))


@pytest.fixture
def stalled(monkeypatch):
    """Make every file wait to be read until the event is set, as on a drive that is gone."""
    going = threading.Event()
    read = FolderSource.read

    def slow(self, entry):
        going.wait(60)
        return read(self, entry)

    monkeypatch.setattr(FolderSource, "read", slow)
    yield going
    going.set()


def test_that_the_work_gives_its_answer_or_its_error():
    assert apart(lambda check: 5, lambda: None) == 5
    with pytest.raises(TimeoutError, match="of the work"):
        apart(lambda check: (_ for _ in ()).throw(TimeoutError("of the work")), lambda: None)


def test_that_cancelling_does_not_wait_and_that_the_work_finds_out():
    found, going = [], threading.Event()

    def work(check):
        going.wait(30)
        try:
            check()
        except LeftBehind:
            found.append("left behind")
            raise

    begun = time.monotonic()
    with pytest.raises(Stop):
        apart(work, after(0.1))
    assert time.monotonic() - begun < 5
    going.set()
    while not found and time.monotonic() - begun < 20:
        time.sleep(0.01)
    assert found == ["left behind"]


def test_that_workers_give_results_and_errors_in_order():
    with Workers(3) as workers:
        answers = [workers.submit(pow, k, 2) for k in range(50)]
        wrong = workers.submit(pow, "x", 2)
        assert [answer.result() for answer in answers] == [k * k for k in range(50)]
        with pytest.raises(TypeError):
            wrong.result()
    end = time.monotonic() + 20
    while time.monotonic() < end and any(t.name == "decoding" for t in threading.enumerate()):
        time.sleep(0.01)
    assert not any(thread.name == "decoding" for thread in threading.enumerate())


def test_that_reading_from_a_stalled_drive_is_cancelled_at_once(pets, stalled):
    begun = time.monotonic()
    with pytest.raises(Stop):
        ingest(pets, image_size=8, channels="rgb", check_cancelled=after(0.2))
    assert time.monotonic() - begun < 5


def test_that_reading_goes_on_when_a_drive_answers_again(pets, stalled):
    threading.Timer(0.3, stalled.set).start()
    _, images = ingest(pets)
    assert images.counts == "10 training and 2 test images"


@pytest.mark.parametrize("slow", ["open_source", "lay_out"])
def test_that_listing_a_stalled_drive_is_cancelled_at_once(pets, monkeypatch, slow):
    going = threading.Event()
    monkeypatch.setattr(f"engine.data.images.{slow}", lambda *_: going.wait(60))
    begun = time.monotonic()
    with pytest.raises(Stop):
        ingest(pets, check_cancelled=after(0.2))
    assert time.monotonic() - begun < 5
    going.set()


def test_that_a_slow_decoder_is_left_behind(pets, monkeypatch):
    going = threading.Event()
    monkeypatch.setattr("engine.data.reading.decode_fitted", lambda *_, **__: going.wait(60))
    begun = time.monotonic()
    with pytest.raises(Stop):
        ingest(pets, check_cancelled=after(0.2))
    assert time.monotonic() - begun < 5
    going.set()


def test_that_a_file_replaced_after_hashing_is_one_sentence(pets):
    spec, _ = ingest(pets)
    (pets / "cat" / "000.png").write_bytes(image_files.png(77))
    with pytest.raises(ImagesError, match="changed since pets was added") as caught:
        load(spec, lambda digest: pets)
    assert "\n" not in str(caught.value)


def test_that_patience_is_lost_once_for_every_halt():
    patience = Patience(0.05)
    assert not patience.is_lost(1)
    time.sleep(0.1)
    assert patience.is_lost(1)
    assert not patience.is_lost(1)
    assert not patience.is_lost(2)
    time.sleep(0.1)
    assert patience.is_lost(2)
