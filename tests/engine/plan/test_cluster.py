"""Workers of dask: addresses that are refused, tasks of a plan, and what survives what."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.plan.planfile import read_plan
from engine.plan.sharing import cluster
from engine.plan.sharing.bundles import everything
from engine.specs import Training
from engine.specs.schema import SpecError
from engine.store.study import Study
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


def test_that_a_scheduler_that_goes_away_is_one_sentence_and_the_command_goes_on(dask, folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    listening = folder / "scheduler.json"
    scheduler = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "distributed.cli.dask_scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-dashboard",
            "--scheduler-file",
            str(listening),
        ],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 120
        while not listening.exists():
            assert time.monotonic() < end
            time.sleep(0.1)
        address = re.search(r"tcp://127.0.0.1:\d+", listening.read_text())[0]
        worker = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "distributed.cli.dask_worker",
                address,
                "--no-nanny",
                "--host",
                "127.0.0.1",
                "--nthreads",
                "1",
                "--no-dashboard",
                "--local-directory",
                str(folder),
            ],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        run = start(folder, "--scheduler", address)
        worker_at_training(folder, run)
        scheduler.kill()
        _, said = run.communicate(timeout=300)
    finally:
        scheduler.kill()
        scheduler.wait()
        worker.kill()
        worker.wait()
    assert run.returncode == 1, said
    assert said.splitlines()[-1].startswith("isthmus: the scheduler went away; what was finished")
    assert "Traceback" not in said
    again = start(folder)
    _, said = again.communicate(timeout=300)
    assert again.returncode == 0, said
    assert len(Study(folder / "s").entries) == 7


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
