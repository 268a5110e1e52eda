"""The window check of the smoke test: two whole sessions by mouse and keyboard."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image
from smoke_app import LIMIT, App, check, document, ended_well, errors_logged, started
from smoke_desktop import Desktop, until

ROOT = Path(__file__).resolve().parent.parent
# Tab presses. They depend on the number of fields; if wrong, the trainings lack their two epochs.
TABS_TO_DEMO, TABS_TO_EPOCHS = 3, 32
CORNER = (50, 50)  # of the window, on the display
DROP = (700, 400)
# Where the eps slider's groove is, from the corner of the window: left, top, right, bottom.
SLIDER = (515, 200, 1090, 270)
ACCENT = (15, 107, 143)  # of the light window
NETWORKS = 4
LONG = 100  # epochs of the training that is broken off
RING = "ring"
FIRST_BYTES = {"pdf": b"%PDF-", "svg": b"<?xml", "png": b"\x89PNG", "csv": b""}
FORMATS = tuple(FIRST_BYTES)


def check_window(app: App) -> str:
    """Drive two whole sessions by mouse and keyboard."""
    images = image_folder(app.home / "Bilder für später")
    study = app.home / "Documents" / "Isthmus" / "demo.isthmus"
    with Desktop(app.pictures) as desktop, started(app, desktop) as program:
        seconds = open_demo(desktop, study)
        show(desktop, "Data")  # on Attack and Maps, images join those of the study
        desktop.drag_folder(images, onto=DROP)
        places = until(lambda: located(study), "the dropped folder being read")
        check(places == [images], f"the study knows images in {places}")
        desktop.shoot("dropped")
        trained = train(desktop, study)
        radii = attack(desktop, app, study)
        show(desktop, "Maps")
        time.sleep(6)
        desktop.shoot("Maps")
        open_network(desktop, weights_file(trained[0], app.home / "own.safetensors"), study)
        files = [export(desktop, app, suffix) for suffix in FORMATS]
        done = break_off(desktop, study, program)
    epochs = resume(app, study)
    check(not errors_logged(app), f"the log has {errors_logged(app)}")
    exported = ", ".join(path.suffix[1:] for path in files)
    told = f"attacked {RING} at eps {radii[0]:.3f} and {radii[1]:.3f}, opened a network"
    resumed = f"resumed a training at epoch {done} of {epochs}"
    return f"window after {seconds:.2f} s; exported {exported}; {told}, {resumed}"


def open_demo(desktop: Desktop, study: Path) -> float:
    """Wait for the window, press the button of the demo; return the seconds the window took."""
    begin = time.monotonic()
    window = desktop.window("^Isthmus$")
    seconds = time.monotonic() - begin
    desktop.place(window, *CORNER)
    time.sleep(2)
    desktop.keys(*["Tab"] * TABS_TO_DEMO, "space")
    until(lambda: desktop.windows("^demo "), "the demo study being open")
    check((study / "study.json").is_file(), f"{study} is not there")
    desktop.shoot("demo")
    return seconds


def train(desktop: Desktop, study: Path) -> list[Path]:
    """Set two epochs and start the trainings that the page proposes; return their records."""
    before = set((study / "records" / "training").iterdir())
    show(desktop, "Train")
    desktop.keys(*["Tab"] * TABS_TO_EPOCHS)
    desktop.write("2")
    desktop.keys("Tab")
    desktop.shoot("before training")
    desktop.keys("ctrl+Return")

    def fresh() -> list[Path]:
        found = set((study / "records" / "training").glob("*.h5")) - before
        return sorted(found) if len(found) == NETWORKS else []

    trained = until(fresh, f"{NETWORKS} trainings", LIMIT)
    specs = [document(path, "spec") for path in trained]
    time.sleep(1)
    desktop.shoot("after training")
    epochs = [spec["epochs"] for spec in specs]
    check(epochs == [2] * NETWORKS, f"the trainings have {epochs} epochs")
    kinds = [spec.get("scheme", {}).get("kind", "standard") for spec in specs]
    check(kinds.count("adversarial") == NETWORKS - 1, f"the trainings are {kinds}")
    return list(trained)


def export(desktop: Desktop, app: App, suffix: str) -> Path:
    """Export the trade-off in a format, through the menu and both dialogs."""
    path = app.home / f"Abbildung {suffix}.{suffix}"
    show(desktop, "Trade-off")
    until(lambda: asked_to_export(desktop), "the dialog of the export")
    time.sleep(0.5)
    desktop.keys("Home", *["Down"] * FORMATS.index(suffix))
    time.sleep(1.5)
    desktop.shoot(f"export {suffix}")
    desktop.keys("Return")
    desktop.window("^Save the figure$")
    time.sleep(0.5)
    desktop.keys("ctrl+a")
    desktop.write(str(path))
    desktop.keys("Return")
    until(lambda: path.is_file() and not desktop.windows("^Export$"), f"{path.name} being written")
    check(path.read_bytes().startswith(FIRST_BYTES[suffix]), f"{path.name} is no {suffix}")
    check(path.stat().st_size > 100, f"{path.name} is empty")
    return path


def asked_to_export(desktop: Desktop) -> bool:
    """Choose the export in the menu, which is empty until the page has its figure."""
    time.sleep(1)
    if desktop.windows("^Export$"):
        return True
    desktop.keys("alt+f", "e", "Return")
    time.sleep(2)
    if not desktop.windows("^Export$"):
        desktop.keys("Escape", "Escape", "Escape")
    return bool(desktop.windows("^Export$"))


def attack(desktop: Desktop, app: App, study: Path) -> list[float]:
    """Drop a picture on Attack, attack it at two radii of the slider; return the radii."""
    show(desktop, "Attack")
    desktop.drag_folder(ring(app.home / f"{RING}.png"), onto=DROP)
    time.sleep(6)
    desktop.shoot("Attack")
    radii = [kept_attack(desktop, study)]
    handle = handle_of(desktop.look())
    desktop.drag(handle, (handle[0] + 80, handle[1]))
    time.sleep(4)
    check(handle_of(desktop.look())[0] > handle[0] + 40, "the eps slider did not move")
    radii.append(kept_attack(desktop, study))
    desktop.shoot("Attack at a larger eps")
    check(radii[1] > radii[0], f"the slider moved to the right, and eps went {radii}")
    return radii


def kept_attack(desktop: Desktop, study: Path) -> float:
    """Press the button that keeps the attack; return the eps of the records that are new."""
    folder = study / "records" / "adversarial_examples"
    before = set(folder.glob("*.h5"))
    command(desktop, "Save adversarial examples")
    first, *_ = until(lambda: sorted(set(folder.glob("*.h5")) - before), "the attack being kept")
    time.sleep(3)  # there is one for each chosen network
    spec = document(first, "spec")
    check(spec["images"]["name"] == RING, f"what was attacked is {spec['images']}")
    return float(spec["attack"]["eps"])


def handle_of(display: Image.Image) -> tuple[int, int]:
    """Return where the handle of the eps slider is: at the end of the coloured part."""
    left, top, right, bottom = (side + CORNER[at % 2] for at, side in enumerate(SLIDER))
    band = np.asarray(display)[top:bottom, left:right].astype(int)
    coloured = np.abs(band - ACCENT).sum(axis=2) < 40
    row = int(coloured.sum(axis=1).argmax())
    check(coloured[row].sum() > 20, "the eps slider is not where it should be")
    return left + int(np.flatnonzero(coloured[row])[-1]) - 6, top + row


def open_network(desktop: Desktop, weights: Path, study: Path) -> None:
    """Drop a weights file on the window, and import what is found in it."""
    desktop.drag_folder(weights, onto=DROP)
    dialog = desktop.window("^Open network$")
    time.sleep(3)
    desktop.place(dialog, 200, 100)
    folder = study / "records" / "imported"

    def imported() -> list[Path]:
        if desktop.windows("^Open network$"):  # it measures the network first
            desktop.keys("Return")
            time.sleep(2)
            desktop.shoot("network")
        return list(folder.glob("*.h5"))

    (network,) = until(imported, "the network being imported")
    spec = document(network, "spec")
    check(spec["name"] == weights.name, f"the network is {spec}")
    accuracy = document(network, "numbers")["clean_accuracy"]
    check(0 <= accuracy <= 1, f"the network has an accuracy of {accuracy}")


def break_off(desktop: Desktop, study: Path, program: subprocess.Popen[str]) -> int:
    """Begin a long training, quit in its midst; return the epoch that was saved."""
    show(desktop, "Train")
    desktop.keys(*["Tab"] * TABS_TO_EPOCHS)
    desktop.write(str(LONG))
    desktop.keys("Tab")
    desktop.shoot("before a long training")
    desktop.keys("ctrl+Return")
    until(lambda: saved_epochs(study), "a checkpoint")
    desktop.keys("ctrl+q")
    desktop.window("^Quit Isthmus")
    time.sleep(1)
    desktop.shoot("question")
    desktop.keys("Tab", "space")  # the other answer is the default
    ended_well(program)
    saved = saved_epochs(study)
    check(saved and max(saved.values()) < LONG, f"quitting left checkpoints at epochs {saved}")
    return max(saved.values())


def resume(app: App, study: Path) -> int:
    """Open the study as a file manager would, resume what is unfinished; return its epochs.

    A training that began anew would save its first epochs again.
    """
    before = saved_epochs(study)
    with Desktop(app.pictures / "again") as desktop, started(app, desktop, str(study)) as program:
        until(lambda: desktop.windows("^demo "), "the study being open again")
        time.sleep(2)
        desktop.place(desktop.window("^demo "), *CORNER)
        show(desktop, "Records")
        time.sleep(3)
        desktop.shoot("unfinished")
        key = max(before, key=before.__getitem__)
        record = study / "records" / "training" / f"{key}.h5"

        def moved() -> list[int]:
            now = saved_epochs(study).get(key, before[key])
            return [now] if now != before[key] or record.is_file() else []

        def resumed() -> list[int]:
            command(desktop, "Resume")  # which is there once the page has read the study
            time.sleep(5)
            desktop.keys("Escape")
            return moved()

        (now,) = until(resumed, "the training going on")
        check(now >= before[key], f"it was at epoch {before[key]} and began anew, at {now}")
        until(record.is_file, "the end of the training that was resumed", LIMIT)
        show(desktop, "Train")
        time.sleep(2)
        desktop.shoot("resumed")
        quit_though_busy(desktop, program)
    epochs = int(document(record, "spec")["epochs"])
    with h5py.File(record) as file:
        steps = file["arrays/epochs/step"][()]
    check(len(steps) == epochs, f"the resumed training knows {len(steps)} of {epochs} epochs")
    return epochs


def saved_epochs(study: Path) -> dict[str, int]:
    """Return the epochs of the checkpoints of trainings, by key."""
    found = {}
    for path in (study / "checkpoints").glob("*.h5"):
        try:
            found[path.stem] = int(document(path, "fit")["epoch"])
        except (KeyError, OSError):  # being written, or of another kind
            continue
    return found


def quit_though_busy(desktop: Desktop, program: subprocess.Popen[str]) -> None:
    """Quit while other trainings may still run."""
    desktop.keys("ctrl+q")
    time.sleep(2)
    if desktop.windows("^Quit Isthmus"):
        desktop.keys("Tab", "space")
    ended_well(program)


def command(desktop: Desktop, words: str) -> None:
    """Press a button of the present page, or choose an entry of a menu, in the palette."""
    desktop.keys("ctrl+shift+p")
    desktop.window("^Commands$")
    time.sleep(0.5)
    desktop.write(words)
    time.sleep(0.5)
    desktop.keys("Return")


def show(desktop: Desktop, title: str) -> None:
    """Go to a page by its keyboard shortcut."""
    sys.path.append(str(ROOT))
    from gui.pages import PAGES

    number = [place.title for place in PAGES].index(title) + 1
    desktop.keys(f"ctrl+{number % 10}")
    time.sleep(1)


def located(study: Path) -> list[Path]:
    """Return the image folders that a study knows."""
    path = study / "locations.json"
    places = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return [Path(place["absolute"]) for place in places.values()]


def image_folder(path: Path, classes: int = 3, each: int = 20) -> Path:
    """Write a small image folder, each class of its own brightness."""
    random = np.random.default_rng(0)
    for label in range(classes):
        folder = path / f"class {label}"
        folder.mkdir(parents=True)
        for index in range(each):
            pixels = random.integers(60 * label, 60 * label + 60, (28, 28), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")
    return path


def ring(path: Path) -> Path:
    """Draw a bright ring, wider than high, as a photograph would be."""
    rows, columns = np.mgrid[:120, :200]
    distance = np.hypot(rows - 60, columns - 100)
    Image.fromarray(np.where(np.abs(distance - 35) < 9, 240, 15).astype(np.uint8)).save(path)
    return path


def weights_file(record: Path, path: Path) -> Path:
    """Save the weights of a training's record as another program would, in safetensors."""
    entries: dict[str, Any] = {}
    blocks: list[bytes] = []
    with h5py.File(record) as file:
        weights = file["arrays/weights"]
        names: list[str] = []
        weights.visititems(lambda name, one: names.append(name) if hasattr(one, "dtype") else None)
        for name in names:
            values = np.asarray(weights[name][()])
            kind = {"float32": "F32", "int64": "I64"}[values.dtype.name]
            begin = sum(map(len, blocks))
            blocks.append(values.tobytes())
            place = [begin, begin + len(blocks[-1])]
            entries[name] = {"dtype": kind, "shape": values.shape, "data_offsets": place}
    head = json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + b"".join(blocks))
    return path
