"""Measures how long the packaged app takes to its window: python measure_start.py APP [--runs 7].

The time runs from starting the process to a visible window with the app's title, on a separate
display. The first run is not counted, so that the home was used before and the files are in memory.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from smoke_app import App, quit_cleanly, started
from smoke_desktop import Desktop


def main() -> None:
    """Print every run, and the median."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("app", type=Path)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        app = App(options.app.resolve(), Path(home), Path(home) / "pictures")
        seconds = [seconds_to_window(app) for _ in range(options.runs + 1)][1:]
    print(" ".join(f"{value:.2f}" for value in seconds))
    print(
        f"median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s, n={len(seconds)}"
    )


def seconds_to_window(app: App) -> float:
    """Start the app, wait for its window, quit it."""
    with Desktop(app.pictures) as desktop:
        begin = time.monotonic()
        with started(app, desktop) as program:
            window = desktop.window("^Isthmus$")
            seconds = time.monotonic() - begin
            time.sleep(3)
            desktop.place(window, 50, 50)
            quit_cleanly(desktop, program)
    return seconds


if __name__ == "__main__":
    main()
