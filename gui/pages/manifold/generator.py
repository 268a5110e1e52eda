"""The generator to train: the proposal for the current images, and the form to edit it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from engine.specs import VAEGAN, Glyphs, ImagesSpec
from gui.session.workspace import Workspace
from gui.widgets.forms.form_row import say
from gui.widgets.forms.spec_form import SpecForm
from gui.widgets.label import Label

FEW_IMAGES = 10_000
SHORT: dict[str, Any] = {"width": 0.25, "reconstruction_weight": 1.0, "learning_rate": 1e-3}

Shape = tuple[int, int, int]


def papers_generator(images: ImagesSpec, shape: Shape) -> VAEGAN | None:
    """Return the paper's VAE-GAN for images (channels, height, width); None if none fits."""
    if shape[1:] == (28, 28):
        return VAEGAN(images=images)
    if shape[1:] == (32, 32):
        return VAEGAN(
            images=images,
            architecture="cifar",
            latent=128,
            reconstruction_weight=1e-2,
            learning_rate=2e-4,
            beta1=0.0,
            discriminator_steps=5,
            epochs=150,
        )
    return None


def generator_for(images: ImagesSpec, shape: Shape, count: int) -> VAEGAN | None:
    """Return the generator to propose for ``count`` training images.

    This is the paper's VAE-GAN or, for few images, the narrower one of the short presets. That one
    replaces the paper's reconstruction weight, with which its decoder would collapse to one picture
    in so few batches.
    """
    papers = papers_generator(images, shape)
    if papers is None or count > FEW_IMAGES:
        return papers
    if papers.architecture == "cifar":
        return replace(papers, **SHORT, beta1=0.5, discriminator_steps=1, epochs=10)
    epochs = 16 if isinstance(images, Glyphs) else 20
    return replace(papers, **SHORT, batch_size=50, epochs=epochs)


class GeneratorForm(QWidget):
    """Edits a VAE-GAN of the current images.

    Signals
    -------
    changed
        The generator or the error message changed.
    asked
        The user pressed the button to train the generator.
    """

    changed = Signal()
    asked = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None):
        super().__init__(parent)
        self._workspace = workspace
        self._misfit = ""
        self._proposed: tuple[str, Shape] | None = None
        self.form = SpecForm(VAEGAN, exclude=("images",))
        self.fault = Label(wordWrap=True)
        self.fault.setProperty("role", "warning")
        self.train = QPushButton()
        self.train.setToolTip("Learn from the training images what images look like")
        self.papers = QToolButton()
        self.papers.setText("Paper's values")
        self.papers.setToolTip(
            "For tens of thousands of images, and hours or a GPU: with few it collapses"
        )
        self._build_layout()
        self.form.changed.connect(self.changed)
        self.train.clicked.connect(self.asked)
        self.papers.clicked.connect(self._take_papers)
        self.propose()
        self.show_state(stored=False, going=False)

    def spec(self) -> VAEGAN | None:
        """Return the generator; None while a field is invalid or no generator fits the images."""
        spec = self.form.spec()
        return spec if isinstance(spec, VAEGAN) and not self._misfit else None

    def error(self) -> str:
        """Return in one sentence why there is no generator, or ""."""
        return self._misfit or self.form.error()

    def propose(self) -> None:
        """Propose a generator for new images; keep the user's settings if the shape is the same."""
        images, loaded = self._workspace.images, self._workspace.image_set
        if images is None or loaded is None:
            self._misfit = "The images are being loaded."
            return
        count = len(loaded.train_images)
        proposal = generator_for(images, loaded.shape, count)
        self._misfit = "" if proposal is not None and count else self._why_not(loaded.shape, count)
        before, self._proposed = self._proposed, (images.key, loaded.shape)
        if proposal is None or before == self._proposed:
            return
        if before is None or before[1] != loaded.shape:
            self.form.set_spec(proposal)
        else:
            self.form.set_fixed("images", images)

    def show_state(self, *, stored: bool, going: bool) -> None:
        """Set the text of the button to what pressing it would do."""
        text = "Trained already" if stored else "Train the generator"
        self.train.setText("On its way" if going else text)
        can = self._workspace.study is not None and self.spec() is not None
        self.train.setEnabled(can and not stored and not going)
        say(self.fault, self._misfit)

    # ------------------------------------------------------------------------------------ private

    def _build_layout(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.train, 1)
        row.addWidget(self.papers)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.form)
        column.addWidget(self.fault)
        column.addLayout(row)

    def _why_not(self, shape: Shape, count: int) -> str:
        if not count:
            return "These images have no training part: no generator can learn from them."
        _, height, width = shape
        return (
            f"The VAE-GAN takes images of 28x28 or 32x32 pixels, these have {width}x{height}: "
            "read them in "
            "anew with one of these sides."
        )

    @Slot()
    def _take_papers(self) -> None:
        images, loaded = self._workspace.images, self._workspace.image_set
        papers = (
            None if images is None or loaded is None else papers_generator(images, loaded.shape)
        )
        if papers is not None:
            self.form.set_spec(papers)
