"""The settings of a record in the parts of the Attack page."""

from __future__ import annotations

from typing import Any

from engine.specs import AdversarialExamples, ClassAccuracy, RobustAccuracy
from gui.pages.attack.form import AttackForm
from gui.pages.attack.metrics import MetricsTab
from gui.pages.common.network_picker import NetworkPicker
from gui.pages.common.strip_images import StripImages


def show_record(
    picker: NetworkPicker, form: AttackForm, images: StripImages, metrics: MetricsTab, spec: Any
) -> None:
    """Show the network, attack and images of adversarial examples or of a measurement.

    A measurement that another tab makes of the form's attack has that attack shown; any other is
    shown on the tab of metrics.
    """
    picker.choose_only(spec.classifier.key)
    if isinstance(spec, AdversarialExamples):
        form.use(spec.attack)
        images.choose(spec.images, spec.indices)
    elif isinstance(spec.metric, RobustAccuracy | ClassAccuracy) and spec.metric.attack is not None:
        form.use(spec.metric.attack)
    else:
        metrics.use(spec)
