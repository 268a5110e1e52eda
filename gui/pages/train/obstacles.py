"""Why nothing can be trained now, and what would help."""

from __future__ import annotations

from engine.specs import FolderImages, NetworkSpec
from engine.specs.classifiers import Weights
from engine.specs.schema import Spec, fields_of
from gui.session.workspace import Workspace

LARGEST_SIDE = next(item.high for item in fields_of(FolderImages) if item.name == "image_size") or 0


def obstacle(workspace: Workspace, network: Spec | None, weights: Weights) -> str:
    """Return the sentence on why nothing can be trained now, or "".

    Parameters
    ----------
    network
        The chosen architecture; None while a field of it is invalid.
    weights
        Which weights the networks shall have.
    """
    if workspace.study is None:
        return "Open or create a study first."
    if workspace.images is None:
        return "Choose images first."
    images = workspace.image_set
    if images is None:
        return "The images are being loaded."
    if not len(images.train_images):
        return "These images have no training part: a network cannot learn from them."
    if images.class_count < 2:
        found = ", ".join(images.classes) or "no labels"
        return f"A classifier needs images of two classes; these have {found}."
    if fault := network_fault(workspace, network):
        return fault
    if weights == "best" and not len(images.validation_images):
        return (
            "The best weights are chosen by validation images, and these images have none: "
            "set a validation part on the Data page."
        )
    return ""


def network_fault(workspace: Workspace, network: Spec | None) -> str:
    """Return the sentence on why the chosen network cannot take the images, or ""."""
    images = workspace.image_set
    # Importing the engine here, before a worker has, would stop the window.
    if images is None or not isinstance(network, NetworkSpec) or not workspace.runner.loaded:
        return ""
    from engine.networks.architectures import unfit

    fault = unfit(network, images.shape)
    return f"{fault[:1].upper()}{fault[1:]}." if fault else ""


def readable_side(workspace: Workspace, network: Spec | None) -> int:
    """Return the side at which the image files can be read so that the network takes them, or 0."""
    spec, images = workspace.images, workspace.image_set
    if images is None or not isinstance(network, NetworkSpec):
        return 0
    if not isinstance(spec, FolderImages) or not network_fault(workspace, network):
        return 0
    from engine.networks.architectures import sizes_of, unfit

    side = sizes_of(network).nearest(images.shape)
    fits = side <= LARGEST_SIDE and not unfit(network, (images.shape[0], side, side))
    return side if fits else 0
