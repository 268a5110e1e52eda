"""The whole of the Train page's form as JSON, and back: more than one training can say."""

from __future__ import annotations

from functools import partial
from typing import Any

from engine.specs import ImagesSpec, SchemeSpec, Training
from engine.specs.schema import from_dict
from gui.pages.common.form_memory import FormMemory
from gui.pages.common.page import Page
from gui.pages.train.form import TrainForm


def remember_form(page: Page, form: TrainForm) -> None:
    """Keep the form's settings per study."""
    FormMemory(page, lambda: state_of(form, page.workspace.images), partial(show_state, form))


def state_of(form: TrainForm, images: ImagesSpec | None) -> dict[str, Any] | None:
    """Return the form's settings; None while it has a fault or there are no images."""
    trainings = form.trainings(images) if images is not None else []
    if not trainings:
        return None
    attacked = [spec for spec in trainings if getattr(spec.scheme, "attack", None) is not None]
    radii: dict[str, list[float]] = {}
    for norm, eps in form.attack.sweep.balls():
        radii.setdefault(norm, []).append(eps)
    schemes = [section.form.spec() for section in form.sections if section.wanted]
    return {
        "training": (attacked or trainings)[0].as_dict(),
        "schemes": [scheme.as_dict() for scheme in schemes if scheme is not None],
        "radii": radii,
        "seeds": list(form.seeds.values()),
        "check": form.check.currentData(),
    }


def show_state(form: TrainForm, state: dict[str, Any]) -> None:
    """Show settings of :func:`state_of`; fields of a file that is not there are an error."""
    training = from_dict(state["training"], Training)
    schemes = [from_dict(scheme, SchemeSpec) for scheme in state["schemes"]]
    form.use(training)
    for section in form.sections:
        own = next((scheme for scheme in schemes if isinstance(scheme, section.scheme)), None)
        section.box.setChecked(own is not None)
        if own is not None:
            section.form.set_spec(own)
    radii = {str(norm): [float(eps) for eps in found] for norm, found in state["radii"].items()}
    if radii:
        form.attack.sweep.set_values(radii, tuple(radii))
    form.seeds.set_values(tuple(float(seed) for seed in state["seeds"]))
    form.check.setCurrentIndex(max(0, form.check.findData(state["check"])))
