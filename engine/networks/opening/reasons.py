"""Why the entries of a state dict are of no network, where their names tell."""

from __future__ import annotations

from collections.abc import Iterable

from engine.networks.opening.entries import shown

REMOVE = "torch.nn.utils.parametrize.remove_parametrizations"
# Endings of names that stand together where a layer's weight is computed from other numbers.
COMPUTED: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("_orig", "_mask"), "pruned layers", "torch.nn.utils.prune.remove"),
    (("_orig", "_u"), "layers with spectral normalisation", "torch.nn.utils.remove_spectral_norm"),
    (("_g", "_v"), "layers with weight normalisation", "torch.nn.utils.remove_weight_norm"),
    ((".original0", ".original1"), "layers with weight normalisation", REMOVE),
    ((".original",), "layers with parametrisations", REMOVE),
)
ADAPTERS = (".lora_A", ".lora_B", ".lora_A.weight", ".lora_A.default.weight")
QUANTISED = ("_packed_params", "_packed_params._packed_params", ".weight_packed", ".qweight")


def reason_in(names: Iterable[str]) -> str:
    """Return what the names say of the layers, to follow the file's name; "" if nothing."""
    known = set(names)
    for endings, what, call in COMPUTED:
        for name in known:
            stem = name.removesuffix(endings[0])
            if stem != name and all(stem + ending in known for ending in endings[1:]):
                return (
                    f"holds {what}, under {shown(name)}: where it was made, call {call} for each "
                    "of them before saving"
                )
    for name in sorted(known):
        if name.endswith(ADAPTERS):
            return (
                f"holds adapters (LoRA), under {shown(name)}: merge them into their network before "
                "saving"
            )
        if name.endswith(QUANTISED):
            return f"holds quantised layers, under {shown(name)}, which have no gradients"
    return ""
