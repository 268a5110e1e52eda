"""Trainings and retrainings computed as one, on the device: exact, apart, and what it costs."""

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
from engine.attacks.joined import Joined
from engine.attacks.table import attack
from engine.devices.graphs import GRAPHS, Generators
from engine.devices.precision import TURNS
from engine.jobs.device_images import layout
from engine.networks.stacked import Stacked
from engine.plan.bundles import BUNDLED
from engine.plan.slots import MOST_TOGETHER, slots_on
from engine.store.study import Study
from engine.training.batch import logits_of_step
from tests.device.kinds import FIRST_LOSS, IMAGES, SMALL, THREAT, TRAINED, run_on, training
from tests.device.report import Report
from tests.device.tensors import GRADIENT, MOST_OFF, OFF, built, some

SECTION = "stacked"
MEMBERS, BATCH = 4, 32
TF32_GRADIENT = 5e-2
KERNELS = ((True, 64), (False, 64), (True, 1))
"""Whether in bfloat16, and how wide."""
REPEATS = 20
THREATS = [replace(THREAT, eps=eps, step_size=eps / 2) for eps in (0.02, 0.05, 0.1, 0.2)]
"""Of each member another one."""
WHOLE = {
    "retrainings": [
        specs.Retraining(
            occlusion=specs.Occlusion(ranking=specs.RandomRanking(images=IMAGES)),
            network=SMALL,
            epochs=3,
            batch_size=40,
            seed=seed,
        )
        for seed in range(MEMBERS)
    ],
    "standard trainings": [training(seed=seed) for seed in range(MEMBERS)],
    "adversarial trainings": [
        training(scheme=specs.Adversarial(attack=threat)) for threat in THREATS
    ],
    "adversarial trainings, l2": [
        training(scheme=specs.Adversarial(attack=replace(threat, norm="l2", eps=5 * threat.eps)))
        for threat in THREATS
    ],
}
"""Name of a row -> what is computed together."""
ACCURACIES = ("accuracy", "clean_accuracy", "robust_accuracy")
TOP = 8  # kernels that are named


def check(report: Report, device: torch.device, home: Path, share: float) -> None:
    """Add rows on gradients, attacks, a member of NaN, whole trainings, and the cost of order."""
    for multiplication, tolerance in (("ieee", GRADIENT), ("tf32", TF32_GRADIENT)):
        report.attempt(
            SECTION,
            f"gradients, {multiplication}",
            lambda m=multiplication, t=tolerance: _gradients(report, device, m, t),
        )
    for deterministic in (False, True):
        report.attempt(SECTION, "a member of NaN", lambda d=deterministic: _nan(report, device, d))
    for norm in ("linf", "l2"):
        report.attempt(SECTION, f"attacks, {norm}", lambda n=norm: _attacks(report, device, n))
    for name, wanted in WHOLE.items():
        report.attempt(
            SECTION, name, lambda n=name, w=wanted: _whole(report, device, home, share, n, w)
        )
    if device.type != "cuda":
        return
    for mixed, width in KERNELS:
        report.attempt(SECTION, "kernels", lambda m=mixed, w=width: _kernels(report, device, m, w))


@contextmanager
def all_together() -> Iterator[None]:
    """Let the queue compute in every precision together what it can, as wide as its slots say."""
    before = dict(BUNDLED)
    widths = dict.fromkeys(("float32", "tf32", "bfloat16"), MOST_TOGETHER)
    BUNDLED.update({kind: replace(row, widths=widths) for kind, row in before.items()})
    try:
        yield
    finally:
        BUNDLED.update(before)


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


def _attacks(report: Report, device: torch.device, norm: str) -> None:
    """Attack a stack, each member by its own lengths and draws, beside one of NaN and without it.

    Pixels may differ from those of each alone, as the sign of a gradient near 0 hangs on rounding.
    """
    threats = [replace(one, norm=norm) for one in THREATS]
    stacked, alone = _stack(device, MEMBERS)
    images, labels = _inputs(device, MEMBERS)

    def drawing() -> list[torch.Generator]:
        return [torch.Generator(device).manual_seed(seed) for seed in range(MEMBERS)]

    def attacked() -> Tensor:
        joined = Joined(threats, device).on(BATCH)
        return attack(stacked, images, labels, joined, generator=Generators(drawing()))

    assert TURNS.begin("ieee")
    try:
        found = attacked().split(BATCH)
        shares = []
        for place, (model, source) in enumerate(zip(alone, drawing(), strict=True)):
            part = slice(BATCH * place, BATCH * (place + 1))
            own = attack(model, images[part], labels[part], threats[place], generator=source)
            shares.append(float(((found[place] - own).abs() > OFF).float().mean()))
        with torch.no_grad():
            for parameter in stacked.parameters():
                parameter[1] = torch.nan
        beside = attacked().split(BATCH)
    finally:
        TURNS.end()
    same = all(torch.equal(beside[place], found[place]) for place in (0, 2, 3))
    report.add(SECTION, f"attacks, {norm}", max(shares) <= MOST_OFF and same,
               pixels_off=max(shares), tolerance=MOST_OFF, same_bits_beside_nan=same)  # fmt: skip


def _whole(
    report: Report,
    device: torch.device,
    home: Path,
    share: float,
    name: str,
    wanted: list[specs.Retraining] | list[specs.Training],
) -> None:
    """Compute the same specs stacked, again, and one by one; compare their records."""
    found = {}
    for way, width in (("stacked", MEMBERS), ("again", MEMBERS), ("alone", 1)):
        study = Study(home / f"stacked-{name}-{way}", create=True)
        slots = replace(slots_on(device.type, 1), width=width)
        with all_together():
            failed = run_on(study, wanted, slots, lambda: report.left(share))
        if failed or not all(study.has(spec) for spec in wanted):
            text = "; ".join(failed.values())[:300] or "no time left for it"
            report.add(SECTION, name, False if failed else None,
                       **{"error" if failed else "left_out": text})  # fmt: skip
            return
        found[way] = [study.read(spec) for spec in wanted]
    first = [[float(record.arrays["curve/loss"][0]) for record in found[way]]
             for way in ("stacked", "alone")]  # fmt: skip
    loss = max(abs(a - b) / abs(b) for a, b in zip(*first, strict=True))
    names = [one for one in ACCURACIES if one in found["alone"][0].entry.numbers]
    accuracy = max(
        abs(float(a.entry.numbers[one]) - float(b.entry.numbers[one]))
        for a, b in zip(found["stacked"], found["alone"], strict=True)
        for one in names
    )
    same = all(
        np.array_equal(a.arrays["curve/loss"], b.arrays["curve/loss"])
        for a, b in zip(found["stacked"], found["again"], strict=True)
    )
    way = found["stacked"][0].provenance
    good = loss <= FIRST_LOSS and accuracy <= TRAINED and way["way"] == "stacked"
    report.add(SECTION, name, good, first_loss_apart=loss, accuracy_apart=accuracy,
               same_bits_again=same, width=way.get("width", 1), graph=way.get("graph"))  # fmt: skip


def _kernels(report: Report, device: torch.device, mixed: bool, width: int) -> None:
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
