"""Specs of what one training step does with a batch: augmentation, then a training scheme."""

from engine.specs.schemes.attacked import MART, TRADES, Adversarial, PerturbedScheme
from engine.specs.schemes.augmentation import Augmentation
from engine.specs.schemes.base import GROUPS, AttackedScheme, SchemeSpec, Standard
from engine.specs.schemes.clean import GaussianNoise, GradientPenalty
from engine.specs.schemes.single_steps import (
    FastAT,
    FreeAT,
    GradAlign,
    NoisyFGSM,
    OneStepScheme,
)

__all__ = [
    "GROUPS",
    "MART",
    "TRADES",
    "Adversarial",
    "AttackedScheme",
    "Augmentation",
    "FastAT",
    "FreeAT",
    "GaussianNoise",
    "GradAlign",
    "GradientPenalty",
    "NoisyFGSM",
    "OneStepScheme",
    "PerturbedScheme",
    "SchemeSpec",
    "Standard",
]
