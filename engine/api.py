"""Isthmus for Python: what the window does, in a script or a notebook.

The names here last from version to version; modules below this one may move. ``specs`` holds every
spec by its class name, ``main.py methods`` lists their fields. Nothing heavy is loaded before a
function needs it.

    from engine import api
    from engine.specs import PGD, Adversarial, Glyphs, SmallCNN, Training

    study = api.open_study("my-study.isthmus")
    scheme = Adversarial(attack=PGD(eps=0.1, step_size=0.025))
    robust = Training(images=Glyphs(), network=SmallCNN(), scheme=scheme)
    (record,) = api.compute(study, [robust])
    print(record.numbers["clean_accuracy"])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine import specs
from engine.specs.schema import Spec, SpecError
from engine.store.study import Record, Result, Study, StudyError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engine.data.image_set import ImageSet
    from engine.jobs.context import Context
    from engine.jobs.events import Event
    from engine.plugins import Plugin

__all__ = [
    "ComputationError",
    "Record",
    "Spec",
    "SpecError",
    "Study",
    "StudyError",
    "around",
    "attack",
    "compute",
    "explain",
    "folder",
    "images",
    "load_plugin",
    "network",
    "open_study",
    "paint",
    "plan",
    "save_figure",
    "specs",
    "summary",
]


class ComputationError(RuntimeError):
    """A computation failed; one sentence, and the traceback in ``details``."""

    def __init__(self, message: str, details: str = ""):
        super().__init__(message)
        self.details = details


def open_study(path: str | Path, *, create: bool = True) -> Study:
    """Open the study at a folder, or make one there.

    Raises
    ------
    StudyError
        If there is none (without ``create``), or it cannot be read.
    """
    return Study(Path(path), create=create)


def plan(
    name: str | Path,
    *,
    settings: Sequence[str] = (),
    seed: int | None = None,
    images: str | Path | None = None,
    study: Study | None = None,
) -> list[Spec]:
    """Return what a preset or a plan file (TOML) asks for.

    Parameters
    ----------
    settings
        "name.field=value" each, as ``run --set``.
    seed
        Of every training in the plan.
    images
        A folder, archive or MNIST files in place of the plan's.
    study
        Notes where images lie that the plan names by path; needed for such plans.

    Raises
    ------
    SpecError
        One sentence: the place in the plan, the value, what is allowed.
    """
    from engine.data.images import options_in
    from engine.plan.planfile import find_plan, read_plan

    def ingested(path: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        if study is None:
            raise SpecError(f"path is {path!r}, which needs a study that notes where images lie")
        return folder(study, path, **options_in(fields)).as_dict()

    found = read_plan(
        find_plan(str(name)),
        settings=settings,
        images=None if images is None else str(images),
        seed=seed,
        ingest_with=ingested,
    )
    return list(found.specs)


def folder(study: Study, path: str | Path, **options: Any) -> specs.StoredImages:
    """Read an image folder, archive or MNIST files, and return their spec.

    Parameters
    ----------
    study
        Notes where the images lie.
    options
        As of :func:`engine.data.images.ingest`: ``image_size``, ``channels``, ``fit``,
        ``test_fraction``, ``split_seed``, ``max_train``, ``max_test``, ``validation``,
        ``bit_depth``, ``black``, ``white``, ``beyond``.

    Raises
    ------
    ImagesError
        If nothing there can be read.
    """
    from engine.data.images import ingest

    found, _ = ingest(Path(path), **options)
    study.set_location(found.digest, Path(path))
    return found


def compute(
    study: Study,
    wanted: Iterable[Spec],
    *,
    device: str = "auto",
    jobs: int | None = None,
    threads: int | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> list[Record]:
    """Compute what the study lacks for some specs, and return their records.

    Parameters
    ----------
    device
        "auto", "cpu", "cuda", "xpu" or "mps"; see :func:`engine.plan.slots.slots_on`.
    jobs, threads
        How many computations run side by side, and the CPU threads of each; None: as many as the
        process has cores for.
    on_event
        Takes every event (:mod:`engine.jobs.events`) on the thread that computes.

    Raises
    ------
    ComputationError
        If a computation failed: the first that did. What others finished is stored.
    """
    from engine.jobs.events import Ended
    from engine.plan.scheduler import Scheduler
    from engine.plan.slots import slots_on

    failed: list[Ended] = []

    def emit(event: Event) -> None:
        if isinstance(event, Ended) and event.outcome == "failed":
            failed.append(event)
        if on_event is not None:
            on_event(event)

    asked = list(wanted)
    scheduler = Scheduler(study, slots_on(device, jobs, threads), emit)
    try:
        scheduler.add(asked)
        scheduler.wait()
    finally:
        scheduler.cancel()
        scheduler.stop()
    if failed:
        raise ComputationError(failed[0].message, failed[0].details)
    return [study.read(spec) for spec in asked]


def images(study: Study, spec: specs.ImagesSpec) -> ImageSet:
    """Return a set of images as arrays: uint8 (N, C, H, W), labels int64 (N,), names of classes."""
    from engine.data.images import load

    return load(spec, study.locate)


def network(study: Study, spec: specs.ClassifierSpec, *, device: str = "cpu") -> nn.Module:
    """Return a classifier of the study: images in [0, 1] to logits, in evaluation mode, frozen.

    Raises
    ------
    StudyError
        If the study does not have it.
    """
    from engine.jobs.classifiers import classifier

    return classifier(_context(study, spec, device), spec)


def attack(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    spec: specs.AttackSpec,
    *,
    seed: int = 0,
) -> Tensor:
    """Return images attacked as a spec says; see :func:`engine.attacks.table.attack`.

    Parameters
    ----------
    images : Tensor (N, C, H, W), floating point in [0, 1]
    labels : Tensor (N,), int64
    seed
        Of random starts.
    """
    import torch

    from engine.attacks import table
    from engine.devices.precision import TURNS

    TURNS.settle()
    generator = torch.Generator(images.device).manual_seed(seed)
    return table.attack(model, images, labels, spec, generator=generator)


def explain(
    model: nn.Module,
    images: Tensor,
    spec: specs.AttributionSpec | None = None,
    labels: Tensor | None = None,
    training: Tensor | None = None,
) -> Tensor:
    """Return signed attributions (N, C, H, W); see :func:`engine.attribution.table.attribute`.

    Parameters
    ----------
    images : Tensor (N, C, H, W), float in [0, 1] or uint8
    spec
        The loss gradient of the predicted class without one.
    labels : Tensor (N,), int64, optional
        The images' own classes, where the spec explains those.
    training : Tensor (M, C, H, W), optional
        Training images, where the spec compares with some of them.
    """
    from engine.attribution.table import attribute
    from engine.devices.precision import TURNS

    TURNS.settle()
    return attribute(model, images, spec or specs.Gradient(), labels, training=training)


def around(
    study: Study,
    spec: specs.AdversarialExamples,
    *,
    way: Literal["attack", "gradient"] = "attack",
    reach: float = 2.0,
    grid: int = 41,
    device: str = "cpu",
) -> Result:
    """Return loss and classes on a plane through the first of a spec's images.

    See :func:`engine.measures.around.surface.around` for parameters, result and errors, and
    :func:`engine.figures.images.surface.surface_charts` for its figure.
    """
    from engine.devices.precision import TURNS
    from engine.measures.around import surface

    TURNS.settle()
    context = _context(study, spec, device)
    return surface.around(spec, context, way=way, reach=reach, grid=grid)


def paint(
    study: Study,
    spec: specs.AdversarialExamples,
    *,
    start: Literal["image", "grey", "noise"] = "image",
    frames: int = 24,
    device: str = "cpu",
) -> Result:
    """Return the frames in which a network paints the target of a spec's attack.

    See :func:`engine.measures.around.painting.painting` for parameters, result and errors, and
    :func:`engine.figures.images.painting.write_animation` for the animated picture.
    """
    from engine.devices.precision import TURNS
    from engine.measures.around.painting import painting

    TURNS.settle()
    return painting(spec, _context(study, spec, device), start=start, frames=frames)


def load_plugin(path: str | Path) -> Plugin:
    """Run a file with methods of your own, see docs/plugins.md; they are then like the others.

    Its classes are attributes of the returned object's ``module``. A file that has changed since it
    was loaded takes the place of what it was.

    Raises
    ------
    ValueError
        If it declares no method that could be used; the message names the file and the line.
    """
    from engine.plugins import load

    return load(Path(path))


def summary(study: Study) -> dict[str, Any]:
    """Return what ``show --json`` prints: trade-off, correlations, metrics, manifold, boundary."""
    from engine.figures.tables import as_json

    return as_json(study)


def save_figure(
    study: Study,
    name: str,
    path: str | Path,
    network: str = "",
    *,
    preset: str = "",
    replace: bool = False,
    **style: Any,
) -> str:
    """Draw a figure of the study into a file; the names are those of ``export``.

    Returns one sentence if the figure is larger than the column or the page of the preset, else "".

    Parameters
    ----------
    network
        Key of the network, for the figure "network"; "" takes the study's only one.
    preset
        Size and letters of a journal, as ``methods figure_presets`` lists them; "" for none.
    replace
        Whether a file that Isthmus did not write is replaced too.
    style
        Fields of the style that differ from the preset: width_mm, height_mm, font_size, dpi, ...

    Raises
    ------
    ValueError
        If there is no such figure, or the study has no records for it, or the file cannot be
        written.
    """
    from engine.figures.catalog import FIGURES
    from engine.specs.errors import suggestion
    from engine.store.files import names_folder
    from engine.store.outputs import agree, settle

    if name not in FIGURES:
        near, known = suggestion(name, list(FIGURES)), ", ".join(FIGURES)
        raise ValueError(f"figure is {name!r}{near}, must be one of {known}")
    file = Path(path)
    if names_folder(path):
        raise ValueError(f"file is {str(path)!r}, must be a file and names a folder")
    if replace:
        agree(file)
    try:
        return FIGURES[name].save(study, file, network, preset=preset, changes=style)
    finally:
        settle(file)


def _context(study: Study, spec: Spec, device: str) -> Context:
    import torch

    from engine.jobs.context import Context

    return Context(spec, study, torch.device(device), lambda event: None)
