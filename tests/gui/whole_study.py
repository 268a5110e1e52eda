"""A study with records of every kind, none computed, whose numbers occur nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.data.images import load
from engine.specs import Alignment, Gradient, GradientXInput, Measurement, StrongAccuracy
from engine.store.study import Study
from gui.session.workspace import Workspace
from tests import made_up_study as made_up
from tests.gui import made_up_workspace as made_up_window

CLEAN = (0.8713, 0.8271, 0.7919, 0.7637)
ROBUST = (0.1173, 0.3391, 0.4177, 0.4763)
EPS = (0.0, 0.037, 0.053, 0.071)
EXPLAINED = 0.8347
SCORES = (0.0213, 0.0347, 0.0419, 0.0587)


def strong_of(robust: float) -> float:
    """Return the accuracy under the strong attacks, a little below that under the usual one."""
    return robust - 0.0117


def whole_study(folder: Path) -> Study:
    """Return the study: four networks with maps, attacks, metrics, scores and distances."""
    study = Study(folder / "whole.isthmus", create=True)
    made_up.add_images(study)
    made_up.add_generator(study, EXPLAINED)
    made_up.add_distances(study, made_up.distances_of(), np.linspace(0, 1, 40))
    rows = zip(EPS, CLEAN, ROBUST, SCORES, strict=True)
    standard = made_up.network()
    for place, (eps, clean, robust, score) in enumerate(rows):
        spec = made_up.network("linf" if eps else "", eps)
        numbers = {"robust_images": made_up.IMAGES.test}
        made_up.add_network(study, spec, clean, robust, numbers)
        made_up.add_maps(study, spec)
        made_up.add_attack(study, spec)
        made_up.add_metric(study, spec, Alignment(), values=(0.23, 0.41, 0.59 + eps))
        strong = StrongAccuracy(norm="linf", eps=EPS[2])
        measured = Measurement(classifier=spec, metric=strong, test_images=made_up.IMAGES.test)
        numbers = {"accuracy": strong_of(robust), "test_images": made_up.IMAGES.test}
        made_up.add(study, measured, numbers)
        shift = np.linspace(0, 1, 40) + 0.4 - 0.1 * place
        made_up.add_distances(study, made_up.distances_of(spec), shift)
        for mode in ("roar", "kar"):
            for method in (Gradient(), GradientXInput()):
                one = made_up.scored(spec, standard, mode, method)
                made_up.add_score(study, one, score)
    return study


def plane_study(folder: Path) -> Study:
    """Return a study of two networks of the plane with their boundaries."""
    study = Study(folder / "plane.isthmus", create=True)
    for eps in (0.0, 0.137):
        spec = made_up.plane_network(eps)
        made_up.add_network(study, spec)
        made_up.add_boundary(study, spec, 30.0 - 100 * eps)
    return study


def workspace_on(study: Study) -> Workspace:
    """Return a workspace on a study, with its real images if it has some."""
    workspace, _ = made_up_window.workspace_on(None)
    workspace.study = study
    workspace.study_changed.emit()
    if study.has(made_up.IMAGES):
        workspace.choose_images(made_up.IMAGES, load(made_up.IMAGES, study.locate))
    return workspace
