"""Networks of torchvision and timm, by name; both packages are imported when one is built."""

from __future__ import annotations

import warnings
from typing import Any

from torch import nn

from engine.networks.noise import tamed
from engine.networks.sizes import Sizes
from engine.networks.timm_names import NO_TIMM, has_timm
from engine.specs import NetworkSpec, Timm, Torchvision
from engine.specs.errors import suggestion
from engine.specs.schema import SpecError

Shape = tuple[int, int, int]
CHANNELS = 3  # the first layers are left as they are; grey images are repeated before them

# Auxiliary classifiers serve the training of 2014; their first weights draw a warning if unasked.
_WITHOUT_AUXILIARIES = {"aux_logits": False, "init_weights": True}


def torchvision_network(spec: Torchvision, shape: Shape, classes: int) -> nn.Module:
    """Return a classifier of torchvision, with weights as its constructor draws them."""
    from torchvision import models

    extra: dict[str, Any] = {}
    if spec.name in ("googlenet", "inception_v3"):
        extra = _WITHOUT_AUXILIARIES
    elif spec.name.startswith("vit_"):
        extra = {"image_size": shape[1]}
    elif spec.name.startswith("maxvit_"):
        extra = {"input_size": shape[1:]}
    made: nn.Module = models.get_model(spec.name, weights=None, num_classes=classes, **extra)
    if spec.name.startswith("mnasnet"):
        _load_without_version(made)
    return tamed(made)


def _load_without_version(network: nn.Module) -> None:
    """Let a network be filled from plain arrays by name, as records and safetensors hold them.

    MNASNet refuses a state dict without the version that torch's own files keep beside it.
    """
    kind = type(network)
    plain = {"_load_from_state_dict": nn.Module._load_from_state_dict}
    network.__class__ = type(kind.__name__, (kind,), plain)


def timm_network(spec: Timm, shape: Shape, classes: int) -> nn.Module:
    """Return a classifier of timm, with weights as its constructor draws them.

    Raises
    ------
    SpecError
        If timm is not installed, has no such name, or cannot build it for these images.
    """
    timm = _timm()
    if not timm.is_model(spec.name):
        near = suggestion(spec.name, timm.list_models())
        raise SpecError(f"name is {spec.name!r}{near}, must be a name that timm lists")
    given = {"pretrained": False, "num_classes": classes, "in_chans": CHANNELS}
    sized = {**given, "img_size": shape[1:]}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = _created(timm, spec.name, sized, given)
    except (AssertionError, ValueError, RuntimeError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        size = f"{shape[2]}x{shape[1]} px"
        raise SpecError(
            f"images are {size}, for which timm cannot build {spec.name}: {reason}"
        ) from error
    return tamed(made)


def _created(timm: Any, name: str, sized: dict[str, Any], given: dict[str, Any]) -> nn.Module:
    """Create a model for the image size, if its constructor takes one."""
    try:
        made: nn.Module = timm.create_model(name, **sized)
    except TypeError:  # convolutional networks take images of any size, and no such argument
        made = timm.create_model(name, **given)
    return made


def _timm() -> Any:
    if not has_timm():
        raise SpecError(NO_TIMM)
    import timm

    return timm


def usual_side(spec: NetworkSpec) -> int | None:
    """Return the side in pixels of the images that a network's published weights expect.

    None for networks of no library, and for those without published weights.
    """
    if isinstance(spec, Torchvision):
        from torchvision import models

        return int(models.get_model_weights(spec.name).DEFAULT.transforms().crop_size[0])
    if isinstance(spec, Timm):
        found = _timm().get_pretrained_cfg(spec.name)
        return int(found.input_size[1]) if found is not None else None
    return None


def torchvision_sizes(spec: Torchvision) -> Sizes:
    """Return which images a classifier of torchvision takes."""
    from engine.networks.torchvision_facts import FACTS

    return FACTS[spec.name].sizes
