"""The table of scores: which function computes which."""

from __future__ import annotations

from collections.abc import Callable

from engine.measures.scores.alignment import alignment
from engine.measures.scores.manifold import manifold_sensitivity, map_tangent_share, stroke_mass
from engine.measures.scores.randomisation import efficient_mprt, mprt, smooth_mprt
from engine.measures.scores.removal import pixel_curve, road
from engine.measures.scores.shape import complexity, sparseness
from engine.measures.scores.stability import infidelity, max_sensitivity
from engine.store.study import Result

SCORES: dict[str, Callable[..., Result]] = {
    "road": road,
    "deletion": pixel_curve,
    "insertion": pixel_curve,
    "infidelity": infidelity,
    "max_sensitivity": max_sensitivity,
    "sparseness": sparseness,
    "complexity": complexity,
    "mprt": mprt,
    "smooth_mprt": smooth_mprt,
    "efficient_mprt": efficient_mprt,
    "alignment": alignment,
    "stroke_mass": stroke_mass,
    "map_tangent_share": map_tangent_share,
    "manifold_sensitivity": manifold_sensitivity,
}
