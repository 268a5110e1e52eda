"""Check a device: everything on it against the CPU, its speed, and as much of a figure as fits.

    python3 tests/device/check.py --data cifar10-images.tar.gz --out OUT [--device cuda]
        [--minutes 8] [--resume OUT/figure-*.h5]

It needs the program's source, the archive, and torch, numpy, scipy, h5py, pillow and safetensors;
no Qt and no environment of the project. OUT gets ``device.json``, which is whole at any time, and
packed studies ``figure-*.h5``. Given to ``--resume``, they are gone on with.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import sys
import tempfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("torch", "numpy", "scipy", "h5py", "PIL", "safetensors")
SHARES = {"tensors": 0.15, "kinds": 0.3, "captured": 0.35, "stacked": 0.45, "speed": 0.7,
          "yardstick": 0.8}  # fmt: skip
"""By which share of the time a stage must have ended; what is left is the figure's."""

PRESETS = {"cpu": "paper-tradeoff-cifar10-lite", "cuda": "paper-tradeoff-cifar10"}
IMAGES = {
    "cpu": {"max_train": 300, "max_test": 100},
    "cuda": {"max_train": 10_000, "max_test": 10_000},
}


def main(arguments: list[str] | None = None) -> int:
    """Run all stages; return 0 if every row is as it should be, else 1, or 2 without a device."""
    options = _parser().parse_args(arguments)
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"missing here: {', '.join(missing)}; carry them as wheels", file=sys.stderr)
        return 2
    # In place of this script's own folder, whose modules could hide others of the same name.
    sys.path[0] = str(ROOT)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    if options.device == "cpu":
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    options.out.mkdir(parents=True, exist_ok=True)
    return _check(options)


def _parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__)
    found.add_argument("--data", type=Path, required=True, help="CIFAR-10 as an image archive")
    found.add_argument("--out", type=Path, required=True, help="folder of the results")
    found.add_argument("--device", default="cuda", choices=["cpu", "cuda"])
    found.add_argument("--minutes", type=float, default=8.0, help="of the whole check")
    found.add_argument(
        "--stages", default="tensors,kinds,captured,stacked,speed,yardstick,memory,figure"
    )
    found.add_argument("--preset", help="the figure's plan")
    found.add_argument("--jobs", type=int, help="computations of the figure at once")
    found.add_argument("--set", action="append", default=[], metavar="SPEC.FIELD=VALUE")
    found.add_argument("--resume", type=Path, nargs="*", default=[], help="packed studies")
    return found


def _check(options: argparse.Namespace) -> int:
    import torch

    from engine.plan.slots import slots_on
    from engine.specs.schema import SpecError
    from tests.device.report import Report

    report = Report(options.out / "device.json", 60 * options.minutes)
    try:
        slots = slots_on(options.device)
    except SpecError as error:
        print(error, file=sys.stderr)
        return 2
    report.tell(**_facts(slots.device, torch))
    with tempfile.TemporaryDirectory() as home:
        for stage in options.stages.split(","):
            report.say(f"---- {stage}")
            report.attempt(stage, "stage", lambda s=stage: _stage(s, report, options, Path(home)))
    report.say(
        f"{report.failed} rows are not as they should be, {report.left_out} were left out; "
        f"see {options.out}/device.json"
    )
    report.save()
    return 1 if report.failed else 0


def _stage(stage: str, report: object, options: argparse.Namespace, home: Path) -> None:
    import torch

    from engine.store.study import Study
    from tests.device import figure, kinds, queued, short_memory, speed, stacked, tensors, yardstick

    name, device = options.device, torch.device(options.device)
    if stage == "tensors":
        tensors.check(report, device, SHARES[stage])
    elif stage == "kinds":
        kinds.check(report, name, home, SHARES[stage])
    elif stage == "captured":
        kinds.check_captured(report, name, home, SHARES[stage])
    elif stage == "stacked":
        stacked.check(report, device, home, SHARES[stage])
    elif stage == "speed":
        study = Study(home / "speed", create=True)
        images, few = (
            speed.ingested(options.data, study, **{**IMAGES[name], **more})
            for more in ({}, {"max_train": queued.FEW[name]})
        )
        speed.check(report, device, study, images, few, SHARES[stage])
    elif stage == "yardstick":
        yardstick.check(report, device, options.data, home, SHARES[stage])
    elif stage == "memory":
        short_memory.check(report, name, ROOT)
    elif stage == "figure":
        preset = options.preset or PRESETS[name]
        figure.check(report, name, options.data, home, options.out, preset=preset,
                     settings=options.set, resume=options.resume, jobs=options.jobs)  # fmt: skip
    else:
        raise ValueError(
            f"stage is {stage!r}, must be one of tensors, kinds, captured, stacked, speed, "
            "yardstick, memory, figure"
        )


def _facts(device: object, torch: object) -> dict[str, object]:
    """Return what the machine is, as far as torch and the system tell."""
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "device": device.type,
        **{name: metadata.version(name) for name in ("torch", "numpy", "scipy", "h5py", "pillow")},
    }
    if device.type == "cuda":
        about = torch.cuda.get_device_properties(device)
        found |= {
            "device_name": about.name,
            "device_gb": about.total_memory / 1e9,
            "multiprocessors": about.multi_processor_count,
            "capability": f"{about.major}.{about.minor}",
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
        }
    return found


if __name__ == "__main__":
    sys.exit(main())
