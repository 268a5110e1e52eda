"""Every attack, attribution, loss and network on the device against the CPU, on equal weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine import specs
from engine.attacks.losses import LOSSES_OF, TARGETED
from engine.attacks.table import attack
from engine.attribution.table import ATTRIBUTIONS, attribute
from engine.devices.precision import TURNS
from engine.jobs.device_images import layout
from engine.networks.architectures import build
from engine.specs.schema import KINDS
from tests.device.report import Report

SECTION = "tensors"
CPU = torch.device("cpu")
OFF = 1e-4  # in pixels: a pixel that differs by more counts as another one
MOST_OFF = 0.05  # of the pixels of an attack: the sign of a gradient near 0 hangs on rounding
OTHER_DRAWS = 0.2  # of what an attack gains in loss, where the device draws other numbers
CLOSE = 1e-3  # of the length of a median image's map, or of logits
GRADIENT = 2e-2  # of the length of a step's gradient: ReLU and pooling choose among near ties
IEEE, TF32 = 1e-5, 5e-3  # of the length of a product, against float64

ATTACKS = {
    "fgsm": specs.FGSM(eps=0.03),
    "pgd linf": specs.PGD(eps=0.03, step_size=0.01, steps=5),
    "pgd l2": specs.PGD(norm="l2", eps=0.5, step_size=0.2, steps=5),
    "pgd l2 cw": specs.PGD(norm="l2", eps=0.5, step_size=0.2, steps=5, loss="cw"),
    "pgd released": specs.PGD(eps=0.03, step_size=0.01, steps=5, form="released"),
    "pgd target": specs.PGD(eps=0.03, step_size=0.01, steps=5, target=3),
}
DRAWN = {
    "pgd random start": specs.PGD(eps=0.03, step_size=0.01, steps=5, random_start=True, restarts=2),
    "apgd": specs.APGD(eps=0.03, steps=10),
    "apgd targeted": specs.APGD(eps=0.03, steps=10, loss="dlr", targets=3, early_stop=True),
    "fab": specs.FAB(eps=0.03, steps=5, targets=3),
    "square": specs.SquareAttack(eps=0.03, queries=50),
}
NETWORKS = {
    "small_cnn": specs.SmallCNN(),
    "paper_cifar_cnn": specs.PaperCifarCNN(),
    "resnet18": specs.ResNet18(),
    "cifar_resnet": specs.CifarResNet(),
    "preact_resnet18": specs.PreActResNet18(),
    "torchvision resnet18": specs.Torchvision(name="resnet18"),
}
GREY = {
    "paper_mnist_cnn": specs.PaperMnistCNN(),
    # Dropout draws on the device, where other numbers come.
    "trades_cnn": specs.TradesCNN(dropout=0.0),
}


def check(report: Report, device: torch.device, share: float) -> None:
    """Add a row for everything that is computed on tensors alone."""
    TURNS.settle()
    for name, work in _cases(report, device):
        if report.left(share) < 0:
            report.add(SECTION, name, left_out="no time left for it")
            continue
        report.attempt(SECTION, name, work)


def _cases(report: Report, device: torch.device) -> Iterator[tuple[str, Callable[[], None]]]:
    if device.type == "cuda":
        yield "switches", lambda: _switches(report, device)
    for name in ("convolution", "matrix product"):
        yield name, lambda name=name: _product(report, device, name)
    yield "losses", lambda: _losses(report, device)
    for name, network in (NETWORKS | GREY).items():
        yield f"network {name}", lambda name=name, n=network: _network(report, device, name, n)
    for name, spec in ATTACKS.items():
        yield f"attack {name}", lambda name=name, spec=spec: _attack(report, device, name, spec)
    for name, spec in DRAWN.items():
        yield f"attack {name}", lambda name=name, spec=spec: _drawn(report, device, name, spec)
    for kind in ATTRIBUTIONS:
        yield f"map {kind}", lambda kind=kind: _map(report, device, kind)


def some(count: int, shape: tuple[int, ...] = (3, 32, 32)) -> tuple[Tensor, Tensor]:
    """Return images and labels that are the same everywhere."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(count, *shape, generator=generator)
    return images, torch.randint(10, (count,), generator=generator)


def built(spec: specs.NetworkSpec, device: torch.device, channels: int = 3) -> nn.Module:
    """Return a network with the same weights on any device."""
    shape = (channels, 32, 32) if channels == 3 else (1, 28, 28)
    half = torch.full((channels,), 0.5)
    generator = torch.Generator().manual_seed(0)
    model = build(spec, shape=shape, classes=10, generator=generator,
                  channel_mean=half, channel_std=half / 2)  # fmt: skip
    return model.eval().to(device).to(memory_format=torch.channels_last)


def apart(found: Tensor, expected: Tensor) -> Tensor:
    """Return, per image, the length of the difference over that of the expected values."""
    one, two = (tensor.detach().cpu().double().flatten(1) for tensor in (found, expected))
    return (one - two).norm(dim=1) / two.norm(dim=1).clamp_min(1e-30)


def _judge(report: Report, name: str, errors: Tensor, tolerance: float) -> None:
    median, worst = float(errors.median()), float(errors.max())
    report.add(SECTION, name, median <= tolerance, median=median, worst=worst, tolerance=tolerance)


def _switches(report: Report, device: torch.device) -> None:
    """TF32 must be less exact than float32, or the switches do nothing on this device."""
    errors = {}
    for multiplication in ("ieee", "tf32"):
        assert TURNS.begin(multiplication)
        try:
            errors[multiplication] = {
                name: _error_of(name, device) for name in ("convolution", "matrix product")
            }
        finally:
            TURNS.end()
    # cuDNN may take a kernel without TF32 where it is allowed; a matrix product uses it.
    exact, short = (max(errors[name].values()) for name in ("ieee", "tf32"))
    told = {f"{name} {what}": error for name, row in errors.items() for what, error in row.items()}
    report.add(SECTION, "switches", exact <= IEEE < short <= TF32, **told)


def _product(report: Report, device: torch.device, name: str) -> None:
    error = _error_of(name, device)
    report.add(SECTION, name, error <= IEEE, error=error, tolerance=IEEE)


def _error_of(name: str, device: torch.device) -> float:
    generator = torch.Generator().manual_seed(2)
    if name == "convolution":
        images = torch.rand(64, 64, 32, 32, generator=generator)
        weights = torch.randn(64, 64, 3, 3, generator=generator)
        found = functional.conv2d(layout(images.to(device)), layout(weights.to(device)), padding=1)
        expected = functional.conv2d(images.double(), weights.double(), padding=1)
    else:
        one, two = torch.randn(2, 512, 512, generator=generator)
        found, expected = one.to(device) @ two.to(device), one.double() @ two.double()
    return float((found.cpu().double() - expected).norm() / expected.norm())


def _losses(report: Report, device: torch.device) -> None:
    generator = torch.Generator().manual_seed(3)
    logits, labels = 10 * torch.randn(64, 10, generator=generator), torch.arange(64) % 10
    pairs = torch.stack([labels, (labels + 1) % 10], dim=1)
    for form, table in {**LOSSES_OF, "targeted": TARGETED}.items():
        against = pairs if form == "targeted" else labels
        for name, loss in table.items():
            on_device = loss(logits.to(device), against.to(device)).cpu().double()
            expected = loss(logits.double(), against)
            error = float(((on_device - expected).abs() / (expected.abs() + 1e-3)).max())
            report.add(SECTION, f"loss {name}, {form}", error <= CLOSE, error=error)


def _network(report: Report, device: torch.device, name: str, spec: specs.NetworkSpec) -> None:
    """Compare logits, and the first step's gradient of all weights, with float64 on the CPU."""
    channels = 1 if name in GREY else 3
    images, labels = some(16, (channels, 28, 28) if channels == 1 else (3, 32, 32))
    found = []
    for where, dtype in ((device, torch.float32), (CPU, torch.float64)):
        model = built(spec, where, channels).to(dtype).train()
        logits = model(layout(images.to(where, dtype)))
        weights = [p for p in model.parameters() if p.requires_grad]
        loss = functional.cross_entropy(logits, labels.to(where))
        gradient = torch.autograd.grad(loss, weights, allow_unused=True)
        flat = torch.cat([g.detach().cpu().double().flatten() for g in gradient if g is not None])
        found.append((logits, flat[None]))
    (logits, gradient), (expected, steep) = found
    _judge(report, f"network {name}, logits", apart(logits, expected), CLOSE)
    _judge(report, f"network {name}, gradient", apart(gradient, steep), GRADIENT)


def _attack(report: Report, device: torch.device, name: str, spec: specs.AttackSpec) -> None:
    images, labels = some(16)
    ours, theirs = (_attacked(spec, where, images, labels) for where in (device, CPU))
    off = float(((ours - theirs).abs() > OFF).double().mean())
    report.add(SECTION, f"attack {name}", off <= MOST_OFF, other_pixels=off, tolerance=MOST_OFF)


def _drawn(report: Report, device: torch.device, name: str, spec: specs.AttackSpec) -> None:
    """Compare the mean loss that is reached: a device draws other random numbers than a CPU."""
    images, labels = some(64)
    model = built(specs.SmallCNN(), CPU)
    with torch.no_grad():
        reached, on_cpu, clean = (
            float(functional.cross_entropy(model(tried), labels))
            for tried in (
                *(_attacked(spec, where, images, labels) for where in (device, CPU)),
                images,
            )
        )
    apart, most = abs(reached - on_cpu), OTHER_DRAWS * abs(on_cpu - clean) + 0.01
    report.add(SECTION, f"attack {name}", apart <= most, loss=reached, on_cpu=on_cpu, clean=clean)


def _attacked(
    spec: specs.AttackSpec, where: torch.device, images: Tensor, labels: Tensor
) -> Tensor:
    model, generator = built(specs.SmallCNN(), where), torch.Generator(where).manual_seed(0)
    return attack(model, images.to(where), labels.to(where), spec, generator=generator).cpu()


def _map(report: Report, device: torch.device, kind: str) -> None:
    images, labels = some(16)
    spec = KINDS[kind]()
    ours, theirs = (
        attribute(built(specs.SmallCNN(), where), images.to(where), spec, labels.to(where),
                  training=images.to(where))
        for where in (device, CPU)
    )  # fmt: skip
    _judge(report, f"map {kind}", apart(ours, theirs), CLOSE)
