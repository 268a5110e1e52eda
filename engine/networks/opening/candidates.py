"""The architectures that a state dict may belong to, with settings read from its shapes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from engine.networks.opening.counts import ENTRIES
from engine.networks.opening.naming import Shapes
from engine.networks.timm_names import timm_names
from engine.specs import (
    CifarResNet,
    NetworkSpec,
    PreActResNet18,
    SmallCNN,
    Timm,
    Torchvision,
    WideResNet,
)
from engine.specs.errors import suggestion
from engine.specs.networks import CIFAR_DEPTHS, TORCHVISION_NAMES, Activation
from engine.specs.schema import SpecError, from_dict, kinds_of

# Torchvision's names that begin so -> a piece of the names in every state dict of them. Laying out
# all 80 takes ten seconds, so only those with this piece are tried, and of them the most alike.
MOST_TRIED = 12
PIECES = {
    "alexnet": "features.10.weight",
    "convnext": "features.0.0.weight",
    "densenet": "denseblock1.",
    "efficientnet": "features.1.0.block.",
    "googlenet": "inception3a.",
    "inception": "Mixed_5b.",
    "maxvit": "blocks.0.layers.",
    "mnasnet": "layers.8.",
    "mobilenet_v2": "features.1.conv.",
    "mobilenet_v3": "features.1.block.",
    "regnet": "trunk_output.",
    "resnet": "layer1.0.conv1.",
    "resnext": "layer1.0.conv1.",
    "shufflenet": "stage2.",
    "squeezenet": "features.3.squeeze.",
    "swin": ".attn.relative_position",
    "vgg": "features.0.weight",
    "vit": "encoder.layers.",
    "wide_resnet": "layer1.0.conv1.",
}


def candidates(given: Shapes, hint: str, counts: Collection[int] = ()) -> list[NetworkSpec]:
    """Return the networks that are worth comparing with these entries, likely ones first.

    Parameters
    ----------
    given
        Shapes of the file's entries.
    hint
        What else may name the architecture: the file's name, what the file says.
    counts
        How many entries the parts of the file have that may be a network.
    """
    found: list[NetworkSpec] = []
    for kind in _kinds():
        read = _READERS.get(kind.kind)
        if read is not None:
            found += read(given)
        elif kind not in (Torchvision, Timm):
            found.append(kind())
    text = _plain(hint)
    names = [name for name in TORCHVISION_NAMES if _may_be(name, given)]

    def rank(name: str) -> tuple[bool, int, int]:
        # Of the names that the hint holds, the longest comes first: "resnet50" is in
        # "wide_resnet50". Of the others, those with the most alike numbers of entries.
        away = min((abs(ENTRIES.get(name, 0) - count) for count in counts), default=0)
        return _plain(name) not in text, away if _plain(name) not in text else 0, -len(name)

    found += [_torchvision(name) for name in sorted(names, key=rank)[:MOST_TRIED]]
    return found


def by_hint(hint: str) -> list[NetworkSpec]:
    """Return the networks of torchvision and timm that a text names, the longest name first."""
    text = _plain(hint)
    found: list[NetworkSpec] = [
        _torchvision(name)
        for name in sorted(TORCHVISION_NAMES, key=len, reverse=True)
        if _plain(name) in text
    ][:MOST_TRIED]
    return found + [Timm(name=name) for name in _timm_names() if _plain(name) in text][:5]


def named(name: str, given: Shapes) -> list[NetworkSpec]:
    """Return the networks that a user's name may mean, with settings read from the shapes.

    Raises
    ------
    SpecError
        If there is no such network.
    """
    wanted = _plain(name)
    own = [kind for kind in _kinds() if kind not in (Torchvision, Timm)]
    found: list[NetworkSpec] = []
    for kind in own:
        read = _READERS.get(kind.kind)
        specs = read(given) if read is not None else [kind()]
        called = {_plain(kind.kind), _plain(kind.label)}
        found += [spec for spec in specs if wanted in called or wanted == _plain(spec.title)]
    found += [_torchvision(one) for one in TORCHVISION_NAMES if _plain(one) == wanted]
    found += [Timm(name=one) for one in _timm_names() if one == name]
    if found:
        return found
    known = [*(kind.kind for kind in own), *TORCHVISION_NAMES]
    raise SpecError(
        f"network is {name!r}{suggestion(name, known)}, must be one of "
        f"{', '.join(kind.kind for kind in own)}, or a name of torchvision or timm"
    )


PUBLISHED: tuple[Activation, ...] = ("relu", "silu")
"""Activations with which weights of these networks are published; others are not tried."""


def alternatives(spec: NetworkSpec) -> list[NetworkSpec]:
    """Return the networks with the same entries that compute something else, this one first.

    Weights do not tell which of them they were trained in.
    """
    if isinstance(spec, PreActResNet18):
        return [
            replace(spec, shortcut=shortcut, activation=activation)
            for activation in PUBLISHED
            for shortcut in ("activated", "input")
        ]
    if isinstance(spec, WideResNet):
        return [
            replace(spec, activation=activation, padding=padding)
            for activation in PUBLISHED
            for padding in ("both", "end")
        ]
    return [spec]


# ----------------------------------------------------------------------------- settings from shapes


def _first(given: Shapes, wanted: Callable[[tuple[int, ...]], bool]) -> tuple[int, ...]:
    return next((shape for shape in given.values() if wanted(shape)), ())


def _shape(given: Shapes, pattern: str) -> tuple[int, ...]:
    return next((shape for name, shape in given.items() if re.search(pattern, name)), ())


def _small_cnns(given: Shapes) -> list[NetworkSpec]:
    first = _first(given, lambda shape: shape[2:] == (5, 5))
    hidden = _first(given, lambda shape: len(shape) == 2)
    return _valid(lambda: SmallCNN(width=first[0], hidden=hidden[0])) or [SmallCNN()]


def _wide_resnets(given: Shapes) -> list[NetworkSpec]:
    blocks = [
        int(found[1])
        for name in given
        if (found := re.search(r"(?:block1\.layer|layer\.0\.block)\.(\d{1,3})\.", name))
    ]
    width = _shape(given, r"(block1\.layer|layer\.0\.block)\.0\.conv_?[01]\.weight$")
    if not blocks or not width:
        return []
    depth = 4 + 6 * (max(blocks) + 1)
    ours = any("block1." in name for name in given)
    fields: dict[str, Any] = {
        "depth": depth,
        "width": width[0] // 16,
        "padding": "both" if ours else "end",
    }
    # Gowal's code pads so, and its best networks have SiLU.
    return _valid(lambda: WideResNet(**fields, activation="relu" if ours else "silu"))


def _preact_resnets(given: Shapes) -> list[NetworkSpec]:
    return [PreActResNet18(), PreActResNet18(final_norm=False)]


def _cifar_resnets(given: Shapes) -> list[NetworkSpec]:
    return [CifarResNet(depth=depth) for depth in CIFAR_DEPTHS]


def _kinds() -> list[type[NetworkSpec]]:
    kinds = [kind for kind in kinds_of(NetworkSpec) if issubclass(kind, NetworkSpec)]
    # Last: as wide as the paper's network it has the same entries, for images of twice the side.
    return sorted(kinds, key=lambda kind: kind is SmallCNN)


def _torchvision(name: str) -> NetworkSpec:
    return from_dict({"kind": Torchvision.kind, "name": name}, NetworkSpec)


def _valid(make: Callable[[], NetworkSpec]) -> list[NetworkSpec]:
    try:
        return [make()]
    except (SpecError, IndexError):
        return []


_READERS: dict[str, Callable[[Shapes], list[NetworkSpec]]] = {
    SmallCNN.kind: _small_cnns,
    WideResNet.kind: _wide_resnets,
    PreActResNet18.kind: _preact_resnets,
    CifarResNet.kind: _cifar_resnets,
}


def _may_be(name: str, given: Shapes) -> bool:
    pieces = [piece for start, piece in PIECES.items() if name.startswith(start)]
    return not pieces or any(piece in entry for piece in pieces for entry in given)


def _timm_names() -> list[str]:
    """Return the names of timm, the longest first; none where it is not installed."""
    return sorted(timm_names(), key=len, reverse=True)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
