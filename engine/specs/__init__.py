"""What Isthmus can compute: every spec, declared once.

A new method is one class here and one function in the table of its family (ATTACKS, SCHEMES,
ATTRIBUTIONS, METRICS, NETWORKS, IMAGES); forms, plan files and tests find it by themselves.
Lengths (eps, step_size) are in [0, 1] pixel units; the paper's own values are twice as large.
"""

from engine.specs.attacks import FGSM, PGD, AttackSpec, Loss, Norm, strength
from engine.specs.attributions import (
    AttributionSpec,
    Gradient,
    GradientXInput,
    IntegratedGradients,
    SmoothGrad,
)
from engine.specs.boundary import Boundary
from engine.specs.classifiers import ClassifierSpec, Imported, Order, Training
from engine.specs.images import (
    Channels,
    FolderImages,
    Gaussians2D,
    Glyphs,
    IdxImages,
    ImageFit,
    ImagesSpec,
    StoredImages,
)
from engine.specs.manifold import VAEGAN, ManifoldDistance, TangentShare
from engine.specs.measures import (
    AdversarialExamples,
    Alignment,
    AttackCheck,
    Maps,
    Measurement,
    MetricSpec,
    RobustAccuracy,
)
from engine.specs.networks import (
    NetworkSpec,
    PaperCifarCNN,
    PaperMLP,
    PaperMnistCNN,
    ResNet18,
    SmallCNN,
)
from engine.specs.optimizers import SGD, Adam, OptimizerSpec
from engine.specs.retraining import (
    CONTROL_BLUR,
    PAPER_FRACTIONS,
    AttributionRanking,
    Interpretability,
    Mode,
    Occlusion,
    RandomRanking,
    RankingSpec,
    Retraining,
    ScoreControl,
    SobelRanking,
)
from engine.specs.schema import Spec
from engine.specs.schemes import TRADES, Adversarial, SchemeSpec, Standard

__all__ = [
    "CONTROL_BLUR",
    "FGSM",
    "PAPER_FRACTIONS",
    "PGD",
    "SGD",
    "TRADES",
    "VAEGAN",
    "Adam",
    "Adversarial",
    "AdversarialExamples",
    "Alignment",
    "AttackCheck",
    "AttackSpec",
    "AttributionRanking",
    "AttributionSpec",
    "Boundary",
    "Channels",
    "ClassifierSpec",
    "FolderImages",
    "Gaussians2D",
    "Glyphs",
    "Gradient",
    "GradientXInput",
    "IdxImages",
    "ImageFit",
    "ImagesSpec",
    "Imported",
    "IntegratedGradients",
    "Interpretability",
    "Loss",
    "ManifoldDistance",
    "Maps",
    "Measurement",
    "MetricSpec",
    "Mode",
    "NetworkSpec",
    "Norm",
    "Occlusion",
    "OptimizerSpec",
    "Order",
    "PaperCifarCNN",
    "PaperMLP",
    "PaperMnistCNN",
    "RandomRanking",
    "RankingSpec",
    "ResNet18",
    "Retraining",
    "RobustAccuracy",
    "SchemeSpec",
    "ScoreControl",
    "SmallCNN",
    "SmoothGrad",
    "SobelRanking",
    "Spec",
    "Standard",
    "StoredImages",
    "TangentShare",
    "Training",
    "strength",
]
