"""The settings of a record in the parts of the Attack page."""

from __future__ import annotations

from typing import Any

from engine.specs import AdversarialExamples
from gui.pages.attack.form import AttackForm
from gui.pages.common.network_picker import NetworkPicker
from gui.pages.common.strip_images import StripImages


def show_record(picker: NetworkPicker, form: AttackForm, images: StripImages, spec: Any) -> None:
    """Show the network, attack and images of adversarial examples or of a measurement."""
    picker.choose_only(spec.classifier.key)
    if isinstance(spec, AdversarialExamples):
        form.use(spec.attack)
        images.choose(spec.images, spec.indices)
    else:
        form.use(spec.metric.attack)
