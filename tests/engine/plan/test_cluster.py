"""Workers of dask: addresses that are refused, tasks of a plan, and what survives what."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine.cli.main import main
from engine.jobs.events import ProbeMaps, Scalars
from engine.plan.planfile import read_plan
from engine.plan.sharing import cluster
from engine.plan.sharing.bundles import everything
from engine.plan.sharing.cluster import Workers
from engine.plan.sharing.led import LedScheduler
from engine.plan.sharing.on_worker import Slot
from engine.plan.slots import slots_on
from engine.specs import Glyphs, SmallCNN, Training
from engine.specs.schema import SpecError
from engine.store.study import Study
from tests.engine.plan import slow_folder
from tests.reliability.forked import PLAN

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path


@pytest.mark.parametrize("text", ["tcp://127.0.0.1:8786", "tcp://localhost:1", "tls://node7:8786"])
def test_that_addresses_of_this_machine_and_encrypted_ones_are_accepted(text):
    assert cluster.checked_address(text) == text


@pytest.mark.parametrize(
    "text", ["tcp://10.0.0.1:8786", "tcp://node7:8786", "tcp://0.0.0.0:1", "tcp://localhost.evil:1"]
)
def test_that_an_open_address_is_refused_because_of_pickles(text):
    with pytest.raises(SpecError, match=r"sends pickles.*must be tls://"):
        cluster.checked_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "node7",
        "127.0.0.1:8786",
        "ws://127.0.0.1:1",
        "tcp://127.0.0.1",
        "tcp://[::1",
        "tcp://h:x",
    ],
)
def test_that_what_is_no_address_is_refused(text):
    with pytest.raises(SpecError, match=r"must be an address such as"):
        cluster.checked_address(text)


def test_that_a_missing_library_is_one_line_that_says_what_to_install(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    run = ["run", str(folder / "plan.toml"), "--study", str(folder / "s")]
    for option in (["--workers", "2"], ["--scheduler", "tcp://127.0.0.1:8786"]):
        assert main([*run, *option]) == 2
        said = capsys.readouterr().err
        assert said == (
            "isthmus: dask.distributed is not installed; the extra cluster has it: "
            "uv sync --extra cluster\n"
        )
    assert not (folder / "s").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--workers", "0"], "--workers is 0, must be a whole number from 1"),
        (["--workers", "2", "--shard", "1/2"], "--shard and --workers are two ways"),
        (["--scheduler", ""], "must be an address such as"),
        (["--scheduler", "tcp://10.0.0.1:8786"], "dask sends pickles"),
    ],
)
def test_that_wrong_options_are_one_line(folder, capsys, options, sentence):
    assert main(["run", str(folder / "plan.toml"), "--study", str(folder / "s"), *options]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


# ---------------------------------------------------------------------------------------- with dask


@pytest.fixture
def dask():
    return pytest.importorskip("distributed", reason="the extra cluster is not installed")


def start(folder, *options):
    command = [sys.executable, "main.py", "run", folder / "plan.toml", "--study", folder / "s"]
    return subprocess.Popen(
        [*command, "--device", "cpu", "--jobs", "1", "--threads", "1", *options],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def worker_at_training(folder, process, seconds=240):
    """Return the number of the process that computes one of the plan's trainings."""
    plan = everything(read_plan(folder / "plan.toml").specs)
    keys = {one.spec.key for one in plan if isinstance(one.spec, Training)}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, process.communicate()
        for path in (folder / "s" / "shards").glob("*.0"):
            if path.stem in keys:
                found = re.search(r'"by": "\w+-(\d+)-.*"working"', path.read_text())
                if found:
                    return int(found[1])
        time.sleep(0.02)
    raise AssertionError("no worker began a training")


def test_that_a_killed_worker_comes_back_and_the_table_is_that_of_a_single_run(dask, folder):
    run = start(folder, "--workers", "2")
    killed = worker_at_training(folder, run)
    os.kill(killed, signal.SIGKILL)
    table, said = run.communicate(timeout=500)
    assert run.returncode == 0, said
    assert "INFO" not in said
    lost = (
        rf"^worker [12] \(process {killed}\) was lost.*: it is started again, and its work goes on"
    )
    assert re.search(lost, said, re.MULTILINE), said
    assert said.count("was lost") == 1
    assert Study(folder / "s").entries
    assert not (folder / "s" / "shards").exists()
    (folder / "single").mkdir()
    (folder / "single" / "plan.toml").write_text(PLAN)
    single = start(folder / "single")
    assert single.communicate(timeout=300)[0] == table
    for entry in Study(folder / "single" / "s").entries:
        assert Study(folder / "s").entry(entry.key).numbers == entry.numbers


class Cluster:
    """A scheduler and workers of dask in processes of their own, and their address."""

    def __init__(self, folder, protocol="tcp", workers=1, preload=(), **environment):
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        host = f"{protocol}://127.0.0.1"
        listening = folder / "scheduler.json"
        where = ["--host", host, "--port", "0", "--scheduler-file", str(listening)]
        self.scheduler = self._start("scheduler", *where)
        self.workers = []
        try:
            end = time.monotonic() + 120
            while not listening.exists():
                assert time.monotonic() < end
                time.sleep(0.1)
            self.address = re.search(rf"{host}:\d+", listening.read_text())[0]
            single = ["--no-nanny", "--nthreads", "1", "--host", host]
            local = ["--local-directory", str(folder), *preload]
            for number in range(workers):
                name = ["--name", f"w{number}"]
                self.workers.append(self._start("worker", self.address, *single, *name, *local))
        except BaseException:
            self.stop()
            raise

    def _start(self, what, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *options, "--no-dashboard"]
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL, cwd=ROOT)

    def stop(self):
        for process in (self.scheduler, *self.workers):
            process.kill()
            process.wait()


def test_that_a_scheduler_that_goes_away_is_one_sentence_and_the_command_goes_on(dask, folder):
    cluster = Cluster(folder)
    try:
        run = start(folder, "--scheduler", cluster.address)
        worker_at_training(folder, run)
        cluster.scheduler.kill()
        _, said = run.communicate(timeout=300)
    finally:
        cluster.stop()
    assert run.returncode == 1, said
    assert said.splitlines()[-1].startswith("isthmus: the scheduler went away; what was finished")
    assert "Traceback" not in said
    again = start(folder)
    _, said = again.communicate(timeout=300)
    assert again.returncode == 0, said
    assert len(Study(folder / "s").entries) == 7


@pytest.fixture
def certificate(tmp_path):
    """Return the settings of dask for a certificate of this machine, which signs itself."""
    if shutil.which("openssl") is None:
        pytest.skip("the command openssl, which makes a certificate, is not there")
    key, made = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject,
         "-keyout", str(key), "-out", str(made)],
        check=True, capture_output=True,
    )  # fmt: skip
    prefix = "DASK_DISTRIBUTED__COMM__"
    parts = {f"{prefix}TLS__CA_FILE": made, f"{prefix}REQUIRE_ENCRYPTION": True}
    for who in ("SCHEDULER", "WORKER", "CLIENT"):
        parts |= {f"{prefix}TLS__{who}__CERT": made, f"{prefix}TLS__{who}__KEY": key}
    return {name: str(value) for name, value in parts.items()}


def test_that_an_encrypted_run_on_a_slow_folder_ends_with_the_table_of_a_single_run(
    dask, folder, certificate, capsys
):
    settings = {**certificate, slow_folder.LATE: "5"}
    preload = ["--preload", slow_folder.__name__]
    cluster = Cluster(folder, "tls", workers=2, preload=preload, **settings)
    try:
        assert cluster.address.startswith("tls://127.0.0.1:")
        command = [sys.executable, "-m", slow_folder.__name__, "run", folder / "plan.toml",
                   "--study", folder / "s", "--device", "cpu", "--jobs", "1", "--threads", "1",
                   "--scheduler", cluster.address]  # fmt: skip
        run = subprocess.run(command, env=cluster.environment, cwd=ROOT, capture_output=True,
                             text=True, timeout=500)  # fmt: skip
        assert run.returncode == 0, run.stderr
        assert "lost" not in run.stderr
        assert "computed but not shown by the study's folder yet; waiting" in run.stderr
        # Without the certificate nobody is let in.
        bare = start(folder, "--scheduler", cluster.address)
        _, said = bare.communicate(timeout=300)
        assert bare.returncode == 2
        assert "which cannot be used" in said
        assert "Traceback" not in said
    finally:
        cluster.stop()
    plan = [folder / "plan.toml", "--study", folder / "single", "--device", "cpu", "--jobs", "1"]
    assert main(["run", *map(str, plan), "--threads", "1"]) == 0
    assert capsys.readouterr().out == run.stdout
    together, alone = Study(folder / "s"), Study(folder / "single")
    assert {entry.key: entry.numbers for entry in together.entries} == {
        entry.key: entry.numbers for entry in alone.entries
    }
    assert not list((folder / "s" / "checkpoints").glob("*"))


def test_that_workers_have_their_devices_and_only_this_machine_reaches_them(dask, tmp_path):
    with (
        cluster.start_workers(2, ["3", "5"], tmp_path) as started,
        dask.Client(started, set_as_default=False) as client,
    ):
        client.wait_for_workers(2, timeout=200)
        seen = client.run(os.getenv, "CUDA_VISIBLE_DEVICES")
        assert sorted(seen.values()) == ["3", "5"]
        assert {address.rpartition(":")[0] for address in seen} == {"tcp://127.0.0.1"}
        assert started.scheduler_address.startswith("tcp://127.0.0.1:")


def test_that_a_killed_worker_is_started_again_however_long_it_takes(dask, tmp_path):
    from dask import config

    with cluster.start_workers(1, [], tmp_path) as started:
        assert config.get("distributed.deploy.lost-worker-timeout") == "1 day"
        with dask.Client(started, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=200)
            before = client.run(os.getpid)
            os.kill(next(iter(before.values())), signal.SIGKILL)
            end = time.monotonic() + 300
            while not set(cluster.workers_of(client)) - set(before):
                assert time.monotonic() < end, "it did not come back"
                time.sleep(0.2)


def test_that_an_encrypted_scheduler_without_certificates_is_one_line(dask, folder, capsys):
    run = ["run", str(folder / "plan.toml"), "--study", str(folder / "s")]
    assert main([*run, "--scheduler", "tls://127.0.0.1:1"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("isthmus: --scheduler is 'tls://127.0.0.1:1', which cannot be used")
    assert said.count("\n") == 1


def test_that_a_window_gets_curves_and_maps_of_a_training_on_a_worker(dask, folder):
    told = []
    study, slot = Study(folder / "s", create=True), Slot("cpu", 1, 1)
    led = LedScheduler(
        study, slots_on("cpu", 1, 1), told.append, Workers(count=1), slot, shown=True
    )
    images = Glyphs(train=200, test=50)
    spec = Training(images=images, network=SmallCNN(width=2, hidden=8), epochs=4, batch_size=20)
    try:
        led.add([spec])
        assert led.wait(300)
    finally:
        assert led.stop(60)
    shown = [event for event in told if isinstance(event, ProbeMaps)]
    assert shown
    record = study.read(spec)
    for event in shown:
        assert event.key == spec.key
        np.testing.assert_array_equal(event.images, record.arrays["probes/images"])
        assert event.attributions.shape == record.arrays["probes/attributions"].shape[1:]
        assert np.isfinite(event.attributions).all()
    assert any(isinstance(event, Scalars) and event.key == spec.key for event in told)
