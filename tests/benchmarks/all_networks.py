"""Build every classifier of torchvision by its name, ask it for a gradient, round-trip its weights.

    python -m tests.benchmarks.all_networks [--only NAME ...]
    python -m tests.benchmarks.all_networks --facts > FILE

For each name, at the least size of images that it is said to take: the network is built with 7
classes; the gradient of the logits by the pixels of grey and of coloured images is finite and not
0; one step of training draws nothing from torch's global generator; the weights, written to a
safetensors file, fill a network of another seed, which then gives the same logits bit for bit.

``--facts`` measures, without any weights, what ``engine/networks/torchvision_facts.py`` says of
each name.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from pathlib import Path

import safetensors.torch
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from engine.networks.architectures import build, laid_out, sizes_of
from engine.networks.gradients import evaluating, input_gradients
from engine.networks.weights import load_state
from engine.specs import Torchvision
from engine.specs.networks import TORCHVISION_NAMES

CLASSES = 7
FACTS_SIDE = 64
HEADER = '''"""What is known of torchvision's classifiers without building them.

Made by ``python -m tests.benchmarks.all_networks --facts``; a test compares a sample with networks.
"""

from __future__ import annotations

from engine.networks.facts import Facts, read_facts

# name, least side, multiple, square, million weights (1,000 classes), measured at this side,
# billion multiplications and additions forwards, MB kept for the way back; each for one image
TABLE = """
'''
FOOTER = '''"""

FACTS: dict[str, Facts] = read_facts(TABLE)
"""Name in torchvision -> what is known of it."""
'''


def fresh(name, shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return build(Torchvision(name=name), shape=shape, classes=CLASSES, generator=generator)


def check(name: str) -> str:
    """Return what is wrong with a name, or ""."""
    side = sizes_of(Torchvision(name=name)).nearest((3, 1, 1))
    generator = torch.Generator().manual_seed(1)
    before = torch.random.get_rng_state()
    model = fresh(name, (3, side, side), 0)
    settle(model, torch.rand(4, 3, side, side, generator=generator))
    for channels in (1, 3):
        images = torch.rand(2, channels, side, side, generator=generator)
        if channels == 1:
            grey = fresh(name, (1, side, side), 0)
            grey.network.load_state_dict(model.network.state_dict())
            found = gradient(grey, images)
            del grey
        else:
            found = gradient(model, images)
        if found.shape != images.shape or not found.isfinite().all() or not found.abs().max() > 0:
            return f"the gradient of images with {channels} channels is 0 or not finite"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        safetensors.torch.save_model(model.network, str(path))
        other = fresh(name, (3, side, side), 1)
        load_state(other, path)
    with evaluating(model), evaluating(other), torch.no_grad():
        same = torch.equal(model(images), other(images))
    del other
    functional.cross_entropy(model.train()(images), torch.tensor([0, 1])).backward()
    if not torch.equal(before, torch.random.get_rng_state()):
        return "the global generator was drawn from"
    return "" if same else "weights do not survive a file"


def settle(model, images):
    """Let batch norms count one batch; with none, features of deep networks shrink to nothing."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def gradient(model, images):
    labels = torch.zeros(len(images), dtype=torch.int64)
    # All logits together: SqueezeNet's last layer is a ReLU, behind which a single one may be dead.
    _, found = input_gradients(model, images, labels, lambda logits, labels: logits.sum(1))
    return found


def facts(name: str) -> str:
    """Return the row of a name, measured on the meta device."""
    sizes = sizes_of(Torchvision(name=name))
    side = sizes.nearest((3, FACTS_SIDE, FACTS_SIDE))
    model = laid_out(Torchvision(name=name), shape=(3, side, side), classes=1000).to("meta")
    weights = sum(parameter.numel() for parameter in model.parameters())
    own = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept, alive = {}, []

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()
            alive.append(tensor)  # so that no other storage gets its address
        return tensor

    images = torch.empty(2, 3, side, side, device="meta")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        counter = FlopCounterMode(display=False)
        with counter:
            model.train()(images)
    operations = counter.get_total_flops() / 2
    memory = sum(kept.values()) / 2
    return (
        f"{name} {sizes.least} {sizes.multiple} {int(sizes.square)} {weights / 1e6:.2f} {side} "
        f"{operations / 1e9:.4f} {memory / 1e6:.1f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=TORCHVISION_NAMES)
    parser.add_argument("--facts", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.facts:
        print(HEADER + "\n".join(map(facts, arguments.only)) + "\n" + FOOTER, end="")
        return 0
    faults = 0
    for name in arguments.only:
        start = time.perf_counter()
        try:
            fault = check(name)
        except Exception as error:  # told like any other fault, so that the rest is tried too
            fault = f"{type(error).__name__}: {error}"
        faults += bool(fault)
        print(f"{name:20} {time.perf_counter() - start:6.1f} s  {fault or 'ok'}", flush=True)
    print(f"{len(arguments.only)} names, {faults} with a fault")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
