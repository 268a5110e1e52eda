"""The attacks of several networks that are computed as one: alike but for their lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.devices.wide import wide_numbers
from engine.specs import AttackSpec
from engine.specs.schema import fields_of


@dataclass(frozen=True)
class JoinedAttack:
    """An attack with lengths of each image's own; it stands where the spec of an attack may.

    Attributes
    ----------
    shared
        An attack that has everything but the lengths.
    lengths
        Float64 (N,) by field, in pixel units; float32 on a device that has no float64.
    """

    shared: AttackSpec
    lengths: Mapping[str, Tensor]

    @property
    def kind(self) -> str:
        """The key of the attack's function."""
        return self.shared.kind

    @property
    def target(self) -> int | None:
        """The class that all of them move towards."""
        return self.shared.target

    def scaled(self, factor: float) -> JoinedAttack:
        """Return the attack with its lengths multiplied, as those of a spec are."""
        return JoinedAttack(self.shared, {n: factor * own for n, own in self.lengths.items()})

    def arguments(self, images: Tensor) -> dict[str, Any]:
        """Return the keyword arguments of the attack's function on images (N, C, H, W)."""
        around = (-1, *[1] * (images.ndim - 1))
        own = {name: of.to(images.dtype).view(around) for name, of in self.lengths.items()}
        return {**self.shared.parameters(), **own}


AnyAttack = AttackSpec | JoinedAttack


class Joined:
    """The attacks of the members of a stack.

    Parameters
    ----------
    attacks
        Of each member its own; see :func:`but_lengths`.
    device
        On which the images lie.
    """

    def __init__(self, attacks: Sequence[AttackSpec], device: torch.device):
        self._shared = attacks[0]
        self._lengths = {
            name: wide_numbers([getattr(one, name) for one in attacks], device)
            for name in _lengths_of(self._shared)
        }

    def on(self, images: int) -> JoinedAttack:
        """Return the attack on so many images of each member, which lie member by member."""
        each = {
            name: of.unsqueeze(1).expand(-1, images).flatten() for name, of in self._lengths.items()
        }
        return JoinedAttack(self._shared, each)


def but_lengths(attack: AttackSpec) -> tuple[object, ...]:
    """Return what two attacks must share to be joined: all but eps and the length of a step."""
    lengths = _lengths_of(attack)
    rest = {name: value for name, value in attack.parameters().items() if name not in lengths}
    return attack.kind, tuple(rest.items())


def _lengths_of(attack: AttackSpec) -> list[str]:
    return [field.name for field in fields_of(type(attack)) if field.unit == "pixel"]
