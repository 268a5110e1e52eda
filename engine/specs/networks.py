"""Specs of architectures, and of the layer that normalises images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from engine.specs.errors import shown, suggestion
from engine.specs.schema import Spec, SpecError, param

Activation = Literal["relu", "silu", "gelu", "softplus"]
Normalization = Literal[
    "signed",
    "none",
    "per_channel",
    "imagenet",
    "cifar10",
    "cifar10_kuangliu",
    "cifar100",
    "mnist",
    "given",
]
NORMALIZATION_HELP = (
    "signed: to [-1, 1] as in the paper; per_channel: by training statistics; given: by the mean "
    "and std below; else by the means and deviations that are customary for these images"
)

SMOOTHING_HELP = (
    "Behind the first block: adds to its output the same under a Gaussian filter of 3x3 and a "
    "learned 1x1 convolution"
)
ACTIVATION_HELP = (
    "Between layers. relu has a kink, the others are smooth: silu z sigmoid(z), gelu z Phi(z), "
    "softplus log(1 + exp(10 z)) / 10"
)

NORMALIZERS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)),
    # The mean of the images' own deviations, which much code for CIFAR-10 divides by.
    "cifar10_kuangliu": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    "mnist": ((0.1307,), (0.3081,)),
}
"""Name of a normalisation -> means and deviations of the channels, in [0, 1] units."""

TorchvisionName = Literal[
    "alexnet",
    "convnext_base",
    "convnext_large",
    "convnext_small",
    "convnext_tiny",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    "efficientnet_b0",
    "efficientnet_b1",
    "efficientnet_b2",
    "efficientnet_b3",
    "efficientnet_b4",
    "efficientnet_b5",
    "efficientnet_b6",
    "efficientnet_b7",
    "efficientnet_v2_l",
    "efficientnet_v2_m",
    "efficientnet_v2_s",
    "googlenet",
    "inception_v3",
    "maxvit_t",
    "mnasnet0_5",
    "mnasnet0_75",
    "mnasnet1_0",
    "mnasnet1_3",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "regnet_x_16gf",
    "regnet_x_1_6gf",
    "regnet_x_32gf",
    "regnet_x_3_2gf",
    "regnet_x_400mf",
    "regnet_x_800mf",
    "regnet_x_8gf",
    "regnet_y_128gf",
    "regnet_y_16gf",
    "regnet_y_1_6gf",
    "regnet_y_32gf",
    "regnet_y_3_2gf",
    "regnet_y_400mf",
    "regnet_y_800mf",
    "regnet_y_8gf",
    "resnet101",
    "resnet152",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "resnext50_32x4d",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "shufflenet_v2_x1_5",
    "shufflenet_v2_x2_0",
    "squeezenet1_0",
    "squeezenet1_1",
    "swin_b",
    "swin_s",
    "swin_t",
    "swin_v2_b",
    "swin_v2_s",
    "swin_v2_t",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "vit_b_16",
    "vit_b_32",
    "vit_h_14",
    "vit_l_16",
    "vit_l_32",
    "wide_resnet101_2",
    "wide_resnet50_2",
]
TORCHVISION_NAMES: tuple[str, ...] = get_args(TorchvisionName)
WITHOUT_RELU = {
    "convnext": "GELU",
    "efficientnet": "SiLU",
    "maxvit": "GELU",
    "mobilenet_v2": "ReLU6",
    "swin": "GELU",
    "vit": "GELU",
}
"""How names of torchvision begin -> the activation of such networks, if it is not ReLU."""
WITHOUT_RULE = {
    "convnext": "layer_norm",
    "efficientnet": "mul",
    "maxvit": "layer_norm",
    "mobilenet_v3": "mul",
    "regnet_y": "mul",
    "swin": "layer_norm",
    "vit": "layer_norm",
}
"""How names begin -> what such networks apply that has no rule of DeepLIFT; mul is of attention."""
OF_PATCHES = ("swin", "vit")  # their only convolution cuts the image into patches
CIFAR_DEPTHS = (18, 34, 50, 101, 152)


@dataclass(frozen=True, kw_only=True)
class NetworkSpec(Spec):
    """An architecture; its first layer normalises images of [0, 1].

    Attributes
    ----------
    convolves
        Whether it has a convolution, beyond one that cuts the image into patches.
    in_place_of_relu
        The activation that it has instead of ReLU; "" where it has ReLU, or that is not known.
    without_rule
        An operation of it that has no rule of DeepLIFT; "" if there is none, or none is known.
    """

    convolves: ClassVar[bool] = True
    in_place_of_relu: ClassVar[str] = ""
    without_rule: ClassVar[str] = ""

    normalization: Normalization = param("signed", help=NORMALIZATION_HELP)
    mean: tuple[float, ...] = param(
        (),
        low=-10.0,
        high=10.0,
        help="Subtracted from every channel, in [0, 1] units",
        only=("normalization", "given"),
    )
    std: tuple[float, ...] = param(
        (),
        above=0.0,
        high=1000.0,
        help="By which every channel is then divided, in [0, 1] units",
        only=("normalization", "given"),
    )

    def check(self) -> None:
        if self.normalization != "given":
            name = "mean" if self.mean else "std"
            if self.mean or self.std:
                raise SpecError(
                    f"{name} is {shown(getattr(self, name))}, must be empty unless normalization "
                    "is 'given'"
                )
        elif not self.mean or len(self.mean) != len(self.std):
            raise SpecError(
                f"mean has {len(self.mean)} numbers and std {len(self.std)}, must have as many, "
                "one a channel, where normalization is 'given'"
            )

    @property
    def constants(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Means and deviations by channel, or None if they depend on the images."""
        if self.normalization == "given":
            return self.mean, self.std
        return NORMALIZERS.get(self.normalization)


@dataclass(frozen=True, kw_only=True)
class OwnNetwork(NetworkSpec):
    """A network that is laid out here, with the activation of one's choice."""

    activation: Activation = param("relu", help=ACTIVATION_HELP)

    @property
    def in_place_of_relu(self) -> str:  # type: ignore[override]
        """Its activation, if that is not ReLU."""
        return "" if self.activation == "relu" else self.activation


@dataclass(frozen=True, kw_only=True)
class ConvNetwork(OwnNetwork):
    """A convolutional network of ours, which may smooth the output of its first block.

    Source of the smoothing: Bhusal 2026, who train such a network adversarially, and their code.
    """

    feature_smoothing: bool = param(False, label="feature smoothing", help=SMOOTHING_HELP)


@dataclass(frozen=True, kw_only=True)
class SmallCNN(ConvNetwork, kind="small_cnn", label="Small CNN"):
    """Two strided 5x5 convolutions and one hidden layer: seconds per training on a CPU."""

    width: int = param(16, low=2, high=512, help="Channels of the first convolution")
    hidden: int = param(64, low=2, high=4096, help="Units of the hidden layer")


@dataclass(frozen=True, kw_only=True)
class PaperMnistCNN(ConvNetwork, kind="paper_mnist_cnn", label="Paper's MNIST network"):
    """conv5x5-32, conv5x5-64, maxpool2, dense 1024, dense K. Source: Kim, Seo, Jeon 2019."""


@dataclass(frozen=True, kw_only=True)
class PaperCifarCNN(ConvNetwork, kind="paper_cifar_cnn", label="Paper's CIFAR-10 network"):
    """conv3x3-32 twice, maxpool2, conv3x3-64 twice, maxpool2, dense 512, dense K.

    Source: Kim, Seo, Jeon 2019.
    """


@dataclass(frozen=True, kw_only=True)
class PaperMLP(OwnNetwork, kind="paper_mlp", label="Paper's 2-D network"):
    """dense 128, dense K. Source: Kim, Seo, Jeon 2019."""

    convolves: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class ResNet18(ConvNetwork, kind="resnet18", label="ResNet-18"):
    """torchvision's ResNet-18; up to 64 px the first layer is 3x3 stride 1 without pooling."""


@dataclass(frozen=True, kw_only=True)
class CifarResNet(ConvNetwork, kind="cifar_resnet", label="CIFAR ResNet"):
    """ResNet for small images: 3x3 first layer at every size, no pooling before the blocks.

    Its parameters have the names of the code that is most used for CIFAR-10 (`shortcut`,
    `linear`). Source: He 2016; the repository kuangliu/pytorch-cifar.
    """

    depth: int = param(18, low=18, high=152, help="18, 34, 50, 101 or 152")

    def check(self) -> None:
        super().check()
        if self.depth not in CIFAR_DEPTHS:
            allowed = ", ".join(map(str, CIFAR_DEPTHS))
            raise SpecError(f"depth is {self.depth}, must be one of {allowed}")

    @property
    def title(self) -> str:
        return f"CIFAR ResNet-{self.depth}"


@dataclass(frozen=True, kw_only=True)
class PreActResNet18(ConvNetwork, kind="preact_resnet18", label="PreActResNet-18"):
    """ResNet-18 for small images, with norms and activations before convolutions.

    Its parameters have the names of the code of Rice 2020 and Wong 2020. Source: He 2016b,
    "Identity mappings in deep residual networks"; Rice 2020.
    """

    shortcut: Literal["activated", "input"] = param(
        "activated",
        help="activated: 1x1 shortcuts read the activated input of a block, as in Rice 2020; "
        "input: the plain one. Weights do not tell which of the two they were trained with",
    )
    final_norm: bool = param(True, label="batch norm before the last layer")


@dataclass(frozen=True, kw_only=True)
class WideResNet(ConvNetwork, kind="wide_resnet", label="WideResNet"):
    """WideResNet-depth-width, with the parameter names of TRADES' code.

    Source: Zagoruyko 2016; Zhang 2019; SiLU and the other padding: Gowal 2020.
    """

    depth: int = param(28, low=10, high=142, help="4 + 6 n: n blocks in each of three groups")
    width: int = param(10, low=1, high=40, help="Channels, as a multiple of 16")
    padding: Literal["both", "end"] = param(
        "both",
        help="Where strided convolutions pad. end: at the right and the bottom only, as in "
        "Gowal 2020. Weights do not tell which of the two they were trained with",
    )

    def check(self) -> None:
        super().check()
        if (self.depth - 4) % 6:
            near = 4 + 6 * max(1, round((self.depth - 4) / 6))
            raise SpecError(f"depth is {self.depth}, must be 4 + 6 n, such as {near}")

    @property
    def title(self) -> str:
        return f"WideResNet-{self.depth}-{self.width}"


@dataclass(frozen=True, kw_only=True)
class TradesCNN(ConvNetwork, kind="trades_cnn", label="TRADES' MNIST network"):
    """conv3x3-32 twice, maxpool2, conv3x3-64 twice, maxpool2, dense 200, dropout, dense 200.

    Its parameters have the names of TRADES' code, whose default it is to normalise nothing.
    Source: Carlini 2017, table 1; Zhang 2019.
    """

    dropout: float = param(0.5, low=0.0, high=0.99, help="Share of units left out while training")


@dataclass(frozen=True, kw_only=True)
class Torchvision(NetworkSpec, kind="torchvision", label="Torchvision network"):
    """A classifier of torchvision by its name, for any number of classes, without its weights.

    Grey images are repeated to three channels. Activations do not work in place, and auxiliary
    classifiers are left out. Source: the papers that torchvision names for each.
    """

    name: TorchvisionName = param("resnet18", help="As torchvision names it", listed="torchvision")

    @property
    def convolves(self) -> bool:  # type: ignore[override]
        """Whether its features are those of convolutions."""
        return not self.name.startswith(OF_PATCHES)

    @property
    def in_place_of_relu(self) -> str:  # type: ignore[override]
        """The activation of the family that its name begins with."""
        return next((v for k, v in WITHOUT_RELU.items() if self.name.startswith(k)), "")

    @property
    def without_rule(self) -> str:  # type: ignore[override]
        """An operation of that family without a rule of DeepLIFT."""
        return next((v for k, v in WITHOUT_RULE.items() if self.name.startswith(k)), "")

    @property
    def title(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class Timm(NetworkSpec, kind="timm", label="timm network"):
    """A classifier of the package timm by its name, without its weights; needs timm.

    Grey images are repeated to three channels. Source: the papers that timm names for each.
    """

    name: str = param(
        "resnet18", help="As timm names it, without the tag of weights after a dot", listed="timm"
    )

    def check(self) -> None:
        super().check()
        if not self.name.replace("_", "").isalnum():
            base = self.name.partition(".")[0]
            raise SpecError(
                f"name is {shown(self.name)}{suggestion(self.name, [base])}, must be a name of "
                "timm without the tag of weights, such as vit_tiny_patch16_224"
            )

    @property
    def title(self) -> str:
        return self.name
