"""Compose the page of a network and write it: one file, without scripts, that opens anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from engine.figures.chart_file import check_path, new_figure_file
from engine.figures.charts import FigureError
from engine.figures.network_page import accuracy, making, mistakes, scores
from engine.figures.network_page.markup import Markup, element, escaped, facts
from engine.figures.network_page.subject import Subject
from engine.program import VERSION
from engine.specs import Imported, Training
from engine.store.outputs import MADE_BY
from engine.store.study import Study, StudyError
from engine.texts import percent
from engine.tradeoff.points import networks

SUFFIXES = (".html", ".htm")
Check = Callable[[], None]
Section = Callable[[Subject], Iterator[Markup]]
SECTIONS: tuple[tuple[str, Section], ...] = (
    ("Accuracy", accuracy.accuracy),
    ("Where it would rank", accuracy.ranking),
    ("By class", mistakes.by_class),
    ("Worst images", mistakes.worst),
    ("Common corruptions", mistakes.corruptions),
    ("Smallest eps that fools", mistakes.smallest_eps),
    ("Gradient maps", making.maps),
    ("Scores of its maps", scores.scores),
    ("Training", making.curves),
    ("Settings", making.settings),
    ("Provenance", making.provenance),
)
# Nothing may be loaded but the pictures inside, whatever a browser makes of the page.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = Markup("""
body{font:15px/1.45 system-ui,sans-serif;color:#1b2530;background:#fff;margin:2rem auto;
 max-width:60rem;padding:0 1rem;overflow-wrap:break-word}
h1{font-size:1.7rem;margin:0 0 .3rem}
h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid #c4ccd4}
h3{font-size:1rem;margin:1.2rem 0 .4rem}
table{border-collapse:collapse;margin:.5rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.15rem .7rem .15rem 0;text-align:left;vertical-align:top;unicode-bidi:isolate;
 font-weight:normal}
thead th,.facts th,.confusion th{color:#5d6570;font-size:.87em}
tbody tr{border-top:1px solid #e6eaee}.n{text-align:right;white-space:nowrap}
.facts td{overflow-wrap:anywhere}
.confusion td{width:2.6rem;text-align:right;padding:.15rem .3rem;border:1px solid #e6eaee}
.confusion th{padding:.15rem .3rem;text-align:right}
figure{margin:0;display:inline-block;vertical-align:top}
figcaption,.small{color:#5d6570;font-size:.8rem;unicode-bidi:isolate}
img{max-width:100%;height:auto;display:block}.pixels{image-rendering:pixelated}
.chart img{width:30rem}.row img{width:100%}
.row{display:flex;flex-wrap:wrap;gap:.7rem;margin:.5rem 0}
.missing{border-left:3px solid #c94f00;padding:.1rem .8rem;background:#fbf3ee}
.doubtful{color:#b3261e}.unchecked{color:#9a4a00}.ok{color:#00704f}
pre{font-size:.8rem;white-space:pre-wrap}
@media print{body{margin:0;max-width:none;font-size:10pt}
 h2,h3{break-after:avoid}figure,tr{break-inside:avoid}
 td,img{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
""")


def network_html(
    study: Study, key: str, *, now: datetime | None = None, check: Check = lambda: None
) -> str:
    """Return the report of one network as HTML.

    Parameters
    ----------
    key
        The key of the network's record, or the beginning of it.
    now
        The date of the report; None means today.
    check
        Called between sections; may raise to cancel.

    Raises
    ------
    StudyError
        If there is no such network, or its record cannot be read.
    """
    subject = Subject.of(study, key)
    when = now or datetime.now().astimezone()
    parts = [*_head(subject, when)]
    for title, make in SECTIONS:
        check()
        parts.append(element("section", element("h2", title), *_made(subject, make)))
    name = f"{subject.entry.title}: report"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="generator", content=MADE_BY),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width"),
        element("title", name),
        element("style", STYLE),
    )
    page = element("html", head, element("body", *parts), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def write_network(study: Study, path: Path, key: str = "", *, check: Check = lambda: None) -> None:
    """Write the report of one network to a file, which must end in .html; replaces an older one.

    Parameters
    ----------
    key
        As :func:`network_html`; "" takes the study's only network.

    Raises
    ------
    FigureError
        If the file has another ending or cannot be written, or the study has no network, or
        several and no key is given.
    StudyError
        As :func:`network_html`.
    """
    check_path(path, SUFFIXES)
    content = network_html(study, key or _only(study), check=check).encode()
    with new_figure_file(path, what="report") as temporary:
        temporary.write_bytes(content)


def _only(study: Study) -> str:
    """Return the key of the only network of a study."""
    keys = {e.key: e.title for e in study.entries if e.kind in (Training.kind, Imported.kind)}
    if not keys:
        raise FigureError("the study has no network: there is nothing to report")
    if len(keys) > 1:
        some = ", ".join(f"{key[:10]} ({title})" for key, title in list(keys.items())[:4])
        more = f" and {len(keys) - 4} more" if len(keys) > 4 else ""
        raise FigureError(f"--network is missing: the study has {some}{more}")
    return next(iter(keys))


def _head(subject: Subject, when: datetime) -> Iterator[Markup]:
    entry, spec = subject.entry, subject.spec
    names = {point.key: point.network for point in networks(subject.study)}
    yield element("h1", names.get(entry.key, entry.title))
    known = [
        ("Study", subject.study.about.get("name") or subject.study.path.stem),
        ("Network", f"{spec.network.label}, {subject.study.title(spec.images)}"),
        ("Report", f"{when:%Y-%m-%d %H:%M}, Isthmus {VERSION}"),
    ]
    note = subject.study.labels.of(entry.key).note
    if note:
        known.append(("Note", note))
    lowest = subject.robustness.lowest
    clean = subject.record.numbers.get("clean_accuracy")
    words = [f"{percent(float(clean))} clean"] if clean is not None else []
    if lowest is not None:
        words.append(f"{percent(lowest.accuracy)} under {subject.robustness.attack_of(lowest)}")
    known.append(("In short", ", ".join(words) or "no accuracy known"))
    yield facts(known)


def _made(subject: Subject, make: Section) -> list[Markup]:
    """Return a section's content; a record that cannot be read is said in its place."""
    try:
        return list(make(subject))
    except StudyError as error:
        return [element("p", escaped(error), class_="missing")]
    except (KeyError, IndexError) as error:
        words = f"A record behind this section lacks a part that its kind has: {error}."
        return [element("p", words, class_="missing")]
