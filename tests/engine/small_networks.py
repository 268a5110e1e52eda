"""Networks whose answers are known or quick, and images for them, for several test files."""

import torch
from torch import nn

from engine.attacks.losses import LOSSES
from engine.specs.schema import fields_of


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def initialised(model, seed=0):
    """Fill a network from a generator of its own; the global one stays alone."""
    generator = seeded(seed)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    return model


def small_network():
    """A convolutional network with everything that has a mode, for images of 3x6x8."""
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(48, 5),
    )
    return initialised(model).double()


def linear_network(weight, bias):
    """Two classes whose logit difference is weight . image + bias."""
    weight = torch.as_tensor(weight, dtype=torch.float64).flatten()
    layer = nn.Linear(len(weight), 2, dtype=torch.float64)
    layer.weight.data = torch.stack([-weight / 2, weight / 2])
    layer.bias.data = torch.tensor([-bias / 2, bias / 2], dtype=torch.float64)
    return nn.Sequential(nn.Flatten(), layer)


def some_images(count=6, seed=1, dtype=torch.float64):
    images = torch.rand(count, 3, 6, 8, generator=seeded(seed), dtype=dtype)
    labels = torch.randint(5, (count,), generator=seeded(seed))
    return images, labels


def losses_of(model, images, labels, loss="xent"):
    was_training = model.training
    with torch.no_grad():
        losses = LOSSES[loss](model.eval()(images), labels)
    model.train(was_training)
    return losses


def short(kind, **fields):
    """Return a short attack of a kind, with those of the fields that it has."""
    fields = {"steps": 5, "queries": 20, **fields}
    known = {item.name for item in fields_of(kind)}
    return kind(**{name: value for name, value in fields.items() if name in known})
