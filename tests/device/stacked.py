"""Retrainings computed as one, on the device: exact, apart from each other, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from engine import specs
from engine.devices.graphs import GRAPHS
from engine.devices.precision import TURNS
from engine.jobs.device_images import layout
from engine.networks.stacked import Stacked
from engine.plan.bundles import BUNDLED
from engine.plan.slots import slots_on
from engine.store.study import Study
from engine.training.batch import logits_of_step
from tests.device.kinds import FIRST_LOSS, IMAGES, SMALL, TRAINED, run_on
from tests.device.report import Report
from tests.device.tensors import GRADIENT, built, some

SECTION = "stacked"
MEMBERS, BATCH = 4, 32
TF32_GRADIENT = 5e-2
KERNELS = ((True, 64), (False, 64), (True, 1))
"""Whether in bfloat16, and how wide."""
REPEATS = 20
TOP = 8  # kernels that are named


def check(report: Report, device: torch.device, home: Path, share: float) -> None:
    """Add rows on gradients, on a member of NaN, on whole retrainings, and on the cost of order."""
    for multiplication, tolerance in (("ieee", GRADIENT), ("tf32", TF32_GRADIENT)):
        report.attempt(
            SECTION,
            f"gradients, {multiplication}",
            lambda m=multiplication, t=tolerance: _gradients(report, device, m, t),
        )
    for deterministic in (False, True):
        report.attempt(SECTION, "a member of NaN", lambda d=deterministic: _nan(report, device, d))
    report.attempt(SECTION, "retrainings", lambda: _retrainings(report, device, home, share))
    if device.type != "cuda":
        return
    for mixed, width in KERNELS:
        report.attempt(SECTION, "kernels", lambda m=mixed, w=width: _kernels(report, device, m, w))


@contextmanager
def float32_together() -> Iterator[None]:
    """Let the queue compute retrainings in float32 together, which it does not by itself."""
    row = BUNDLED[specs.Retraining.kind]
    BUNDLED[specs.Retraining.kind] = replace(row, widths={**row.widths, "float32": 64})
    try:
        yield
    finally:
        BUNDLED[specs.Retraining.kind] = row


def _stack(device: torch.device, members: int) -> tuple[Stacked, list[nn.Module]]:
    alone = []
    for place in range(members):
        model = built(specs.PaperCifarCNN(), device)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1 + 0.1 * place)
        alone.append(model.train())
    return Stacked(alone).train(), alone


def _inputs(device: torch.device, members: int) -> tuple[Tensor, Tensor]:
    images, labels = some(members * BATCH)
    return images.to(device), labels.to(device)


def _gradient(stacked: Stacked, images: Tensor, labels: Tensor, mixed: bool = False) -> Tensor:
    """Return the gradients of all weights, flat, (K, weights)."""
    logits = logits_of_step(stacked, images, mixed)
    loss = functional.cross_entropy(logits, labels, reduction="sum") / BATCH
    found = torch.autograd.grad(loss, list(stacked.parameters()))
    return torch.cat([part.reshape(stacked.members, -1) for part in found], dim=1)


def _gradients(report: Report, device: torch.device, multiplication: str, most: float) -> None:
    stacked, alone = _stack(device, MEMBERS)
    images, labels = _inputs(device, MEMBERS)
    assert TURNS.begin(multiplication)  # type: ignore[arg-type]
    try:
        found = _gradient(stacked, images, labels).cpu().double()
    finally:
        TURNS.end()
    errors = []
    for place, model in enumerate(alone):
        part = slice(BATCH * place, BATCH * (place + 1))
        exact = model.cpu().double()
        loss = functional.cross_entropy(exact(images[part].cpu().double()), labels[part].cpu())
        expected = torch.cat([g.flatten() for g in torch.autograd.grad(loss, exact.parameters())])
        errors.append(float((found[place] - expected).norm() / expected.norm()))
    report.add(SECTION, f"gradients, {multiplication}", max(errors) <= most,
               median=sorted(errors)[MEMBERS // 2], worst=max(errors), tolerance=most)  # fmt: skip


def _nan(report: Report, device: torch.device, deterministic: bool) -> None:
    """A member of NaN must not change another one by more than a second run changes it."""
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = deterministic
    try:
        stacked, _ = _stack(device, MEMBERS)
        images, labels = _inputs(device, MEMBERS)
        once, again = (_gradient(stacked, images, labels) for _ in range(2))
        with torch.no_grad():
            for parameter in stacked.parameters():
                parameter[1] = torch.nan
        beside = _gradient(stacked, images, labels)
    finally:
        torch.backends.cudnn.deterministic = before
    others = [0, 2, 3]
    moved = float((beside - once)[others].norm() / once[others].norm())
    spread = float((again - once)[others].norm() / once[others].norm())
    name = f"a member of NaN, {'deterministic' if deterministic else 'default'} kernels"
    good = moved <= max(10 * spread, 0.0) and bool(beside[others].isfinite().all())
    report.add(SECTION, name, good, moved=moved, two_runs=spread,
               same_bits=bool(torch.equal(beside[others], once[others])))  # fmt: skip


def _retrainings(report: Report, device: torch.device, home: Path, share: float) -> None:
    """Compute the same retrainings stacked, again, and one by one; compare their records."""
    occlusion = specs.Occlusion(ranking=specs.RandomRanking(images=IMAGES))
    wanted = [
        specs.Retraining(occlusion=occlusion, network=SMALL, epochs=3, batch_size=40, seed=seed)
        for seed in range(MEMBERS)
    ]
    found = {}
    for name, width in (("stacked", MEMBERS), ("again", MEMBERS), ("alone", 1)):
        study = Study(home / f"stacked-{name}", create=True)
        slots = replace(slots_on(device.type, 1), width=width)
        with float32_together():
            failed = run_on(study, wanted, slots, lambda: report.left(share))
        if failed:
            report.add(SECTION, "retrainings", False, error="; ".join(failed.values())[:300])
            return
        found[name] = [study.read(spec) for spec in wanted]
    first = [[float(record.arrays["curve/loss"][0]) for record in found[name]]
             for name in ("stacked", "alone")]  # fmt: skip
    loss = max(abs(a - b) / abs(b) for a, b in zip(*first, strict=True))
    accuracy = max(
        abs(float(a.entry.numbers["accuracy"]) - float(b.entry.numbers["accuracy"]))
        for a, b in zip(found["stacked"], found["alone"], strict=True)
    )
    same = all(
        np.array_equal(a.arrays["curve/loss"], b.arrays["curve/loss"])
        for a, b in zip(found["stacked"], found["again"], strict=True)
    )
    way = found["stacked"][0].provenance
    good = loss <= FIRST_LOSS and accuracy <= TRAINED and way["way"] == "stacked"
    report.add(SECTION, "retrainings", good, first_loss_apart=loss, accuracy_apart=accuracy,
               same_bits_again=same, width=way["width"], graph=way["graph"])  # fmt: skip


def _kernels(report: Report, device: torch.device, mixed: bool, width: int, channels: int) -> None:
    """Time a captured forward and backward pass with reproducible and with the fastest kernels."""
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    row: dict[str, float] = {}
    stacked, _ = _stack(device, width)
    images, labels = some(width * 100)
    images, labels = layout(images.to(device)), labels.to(device)
    weights = list(stacked.parameters())
    top: list[str] = []

    def work() -> None:
        loss = functional.cross_entropy(logits_of_step(stacked, images, mixed), labels)
        torch.autograd.grad(loss, weights)

    try:
        for name, chosen in (("default", (False, False)), ("reproducible", (True, False)),
                             ("fastest", (False, True))):  # fmt: skip
            cudnn.deterministic, cudnn.benchmark = chosen
            row[f"{name}_ms"], names = _replayed(work)
            top += [f"{name}: {line}" for line in names] if name != "default" else []
    finally:
        cudnn.deterministic, cudnn.benchmark = before
    name = f"kernels, {'bf16' if mixed else 'ieee'}, {width} wide"
    report.add(SECTION, name, **row, top=top)


def _replayed(work: Callable[[], object]) -> tuple[float, list[str]]:
    """Return the milliseconds of a replay, the median of some, and its slowest kernels."""
    with torch.cuda.stream(torch.cuda.Stream()):  # type: ignore[no-untyped-call]
        for _ in range(3):
            work()
        replay = GRAPHS["cuda"].capture(work)  # type: ignore[arg-type]
        taken = []
        for _ in range(REPEATS):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            replay()
            end.record()
            end.synchronize()
            taken.append(begin.elapsed_time(end))
        with profile(activities=[ProfilerActivity.CUDA]) as seen:
            replay()
            torch.cuda.current_stream().synchronize()
    rows = sorted(seen.key_averages(), key=lambda one: -one.self_device_time_total)
    whole = sum(one.self_device_time_total for one in rows) or 1
    names = [
        f"{100 * one.self_device_time_total / whole:.1f} % {one.count} x {one.key[:90]}"
        for one in rows[:TOP]
    ]
    return sorted(taken)[REPEATS // 2], names
