"""Reach the workers of dask.distributed. Needs the extra ``cluster``.

The protocol of dask carries pickles, so whoever can speak to a scheduler or worker can run code
there. Only addresses of this machine and encrypted ones (TLS with certificates) are accepted. What
is sent is the path of the study and the JSON of specs; results go through the study, as with
shards.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from engine.cores import allotted_cores
from engine.plan.sharing import on_worker
from engine.plan.sharing.on_worker import Slot
from engine.plan.slots import slots_on
from engine.specs.schema import SpecError

GONE = (
    "the scheduler went away; what was finished is in the study, and the rest goes on when it is "
    "asked for again"
)
POLL = 0.5  # seconds
CONNECT_SECONDS = 30
START_SECONDS = 300  # for workers to load torch, on a machine that is busy
MOST_WORKERS = 256
QUIET = 50  # level of logging, of what dask logs; what matters is said in sentences
INSTALL = "is not installed; the extra cluster has it: uv sync --extra cluster"


class SchedulerGone(ValueError):
    """The scheduler does not answer any more; the message is one sentence."""


@dataclass(frozen=True)
class Workers:
    """Which workers compute: those of a scheduler, or so many that are started here.

    Attributes
    ----------
    count
        Number of workers to start on this machine.
    scheduler
        Address of a scheduler that has workers; then ``count`` is 0.

    Raises
    ------
    SpecError
        If the number or the address cannot be used, or dask is not installed.
    """

    count: int = 0
    scheduler: str = ""

    def __post_init__(self) -> None:
        if self.scheduler:
            checked_address(self.scheduler)
        elif not 1 <= self.count <= MOST_WORKERS:
            raise SpecError(
                f"--workers is {self.count}, must be a whole number from 1 to {MOST_WORKERS}"
            )
        if find_spec("distributed") is None:  # importing it takes a second: the crew's thread does
            raise SpecError(f"dask.distributed {INSTALL}")

    def slot(self, asked: Slot) -> Slot:
        """Return how each worker computes: those of this machine share its cores.

        What is not asked for is divided so that a computation gets the threads that it would have
        without workers, as far as there are cores for that.
        """
        if self.scheduler:
            return asked
        alone = slots_on(asked.device, asked.jobs, asked.threads)
        jobs = asked.jobs or max(1, alone.count // self.count)
        cores = allotted_cores().count // (self.count * jobs)
        threads = asked.threads or max(1, min(alone.threads, cores))
        return replace(asked, jobs=jobs, threads=threads, sharers=self.count)


def distributed() -> Any:
    """Return the module, imported when it is needed; raise :class:`SpecError` without it."""
    try:
        import distributed as found
    except ImportError as error:
        raise SpecError(f"dask.distributed {INSTALL}") from error
    return found


def checked_address(text: str) -> str:
    """Return the address of a scheduler; refuse one that others could listen to or speak to.

    Raises
    ------
    SpecError
        If it is neither of this machine nor encrypted.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or port is None or parts.scheme not in ("tcp", "tls") or parts.path:
        raise SpecError(
            f"--scheduler is {text!r}, must be an address such as tcp://127.0.0.1:8786 or "
            "tls://host:8786"
        )
    if parts.scheme == "tls" or _is_loopback(host):
        return text
    raise SpecError(
        f"--scheduler is {text!r}: dask sends pickles, by which anybody on the network could run "
        f"code; must be tls://{host}:{port} with certificates, or an address of this machine"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name, which may lead anywhere
        return False


def start_workers(count: int, devices: Sequence[str], scratch: Path) -> Any:
    """Start a scheduler and workers on this machine, which only this machine can reach.

    Parameters
    ----------
    count
        Number of workers.
    scratch
        A folder for dask's temporary files.
    devices
        Values of CUDA_VISIBLE_DEVICES, given to the workers in turn; none: it is left as it is.
    """
    dask = distributed()
    from dask import config

    # Else a worker that was killed is given up if it takes longer than 15 s to load torch again.
    config.set({"distributed.deploy.lost-worker-timeout": "1 day"})
    # Without an address, dask would take the port 8787 for its pages, and warn if it is taken.
    pages = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    loopback = {"host": "127.0.0.1", **pages}
    workers = {
        number: {
            "cls": dask.Nanny,
            "options": {
                "host": "127.0.0.1",
                "nthreads": 1,
                **pages,
                "memory_limit": 0,  # the program bounds its own memory, by what is free
                "local_directory": str(scratch),
                "silence_logs": QUIET,
                # Loading torch in the first task would keep the worker from answering meanwhile.
                "preload": [on_worker.__name__],
                "env": _environment(number, devices),
            },
        }
        for number in range(count)
    }
    scheduler = {"cls": dask.Scheduler, "options": {**loopback, "port": 0}}
    return dask.SpecCluster(workers=workers, scheduler=scheduler, silence_logs=QUIET)


def _environment(number: int, devices: Sequence[str]) -> dict[str, str]:
    quiet = {"DASK_LOGGING__DISTRIBUTED": "critical"}
    pin = {"CUDA_VISIBLE_DEVICES": devices[number % len(devices)]} if devices else {}
    return {**quiet, **pin}


def devices_here(device: str) -> list[str]:
    """Return the CUDA devices to give to workers, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    if device == "cpu" or not torch.cuda.is_available():
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",") if named else [str(n) for n in range(torch.cuda.device_count())]


@contextmanager
def connected(
    workers: Workers, device: str, given_up: Callable[[], bool], on_wait: Callable[[], None]
) -> Iterator[Any]:
    """Yield a client of the scheduler, which is started first if none is named.

    Parameters
    ----------
    device
        See :class:`engine.plan.sharing.on_worker.Slot`.
    given_up
        Whether nobody waits for the workers any more.
    on_wait
        Called once if the scheduler answers and has too few workers yet.

    Raises
    ------
    SpecError
        If nobody answers at the address, or no workers come.
    """
    dask = distributed()
    for name in [
        name for name in logging.root.manager.loggerDict if name.startswith("distributed")
    ]:
        logging.getLogger(name).setLevel(QUIET)
    with ExitStack() as stack:
        address: Any = workers.scheduler
        if not address:
            scratch = Path(stack.enter_context(TemporaryDirectory(prefix="isthmus-")))
            here = start_workers(workers.count, devices_here(device), scratch)
            address = stack.enter_context(here)
        try:
            client = _client_of(dask, address)
        except (OSError, TypeError) as error:  # TypeError: tls without certificates
            raise SpecError(
                f"--scheduler is {workers.scheduler!r}, which cannot be used: {error}"
            ) from error
        stack.callback(client.close, timeout=2)
        end, told = time.monotonic() + START_SECONDS, False
        while not given_up() and len(workers_of(client)) < max(1, workers.count):
            if not told:
                on_wait()
                told = True
            if time.monotonic() > end:
                which = f" of {workers.scheduler}" if workers.scheduler else ""
                raise SpecError(f"no workers{which} came within {START_SECONDS} s")
            time.sleep(POLL)
        yield client


def _client_of(dask: Any, address: Any) -> Any:
    """Return a client; raise what dask raises if it cannot connect, without waiting any longer."""
    client = dask.Client.__new__(dask.Client)
    try:
        client.__init__(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except BaseException:
        # Else it would be closed once it is collected, which waits a minute and then complains.
        client.status = "closed"
        raise
    return client


def workers_of(client: Any) -> dict[str, Any]:
    """Return what the scheduler knows of its workers, by address."""
    # Not client.scheduler_info: what it returns is replaced every two seconds by an answer without
    # workers, from another thread.
    told = client.sync(client.scheduler.identity, n_workers=-1)
    found: dict[str, Any] = told["workers"]
    return found
