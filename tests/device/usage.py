"""How busy a device is while something runs on it."""

from __future__ import annotations

import statistics
import subprocess
import threading
import time

import torch

SAMPLE_SECONDS = 0.5


class Usage:
    """Samples the device's utilisation and memory while something runs, if nvidia-smi is there."""

    def __init__(self, device: torch.device):
        self._stop, self._seen = threading.Event(), list[tuple[float, float]]()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._cuda = device.type == "cuda"

    def __enter__(self) -> Usage:
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
            self._thread.start()
        self._begun = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        wall, processors = (
            now - then
            for now, then in zip(
                (time.perf_counter(), time.process_time()), self._begun, strict=True
            )
        )
        self.cores = processors / max(wall, 1e-9)
        self._stop.set()
        if self._cuda:
            self._thread.join(5)

    def row(self) -> dict[str, float]:
        """Return mean utilisation in percent, peak memory in GB, and the processor cores used."""
        found = {"cores_used": self.cores}
        if self._cuda:
            found["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
        if self._seen:
            found["gpu_percent"] = statistics.mean(percent for percent, _ in self._seen)
            found["device_gb"] = max(memory for _, memory in self._seen) / 1e3
        return found

    def _sample(self) -> None:
        asked = ["nvidia-smi", "--query-gpu=utilization.gpu,memory.used",
                 "--format=csv,noheader,nounits"]  # fmt: skip
        while not self._stop.wait(SAMPLE_SECONDS):
            try:
                said = subprocess.run(asked, capture_output=True, text=True, timeout=5)
                percent, memory = said.stdout.splitlines()[0].split(",")
                self._seen.append((float(percent), float(memory)))
            except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
                return
