r"""Names of files and classes in a form that can be shown and stored, one to one.

Letters are composed (NFC), so that a folder that came by way of a Mac has the same names. What
cannot be seen, would change the direction of the text, or is no text is written as an escape, as in
Python: ``\u202e`` for a character, ``\xe4`` for a byte that is not UTF-8, ``\\`` for a backslash.
Names that differ only by how their letters are composed would become one: all but the composed one
are then written with escapes for everything beyond ASCII.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

# A fixed list: Unicode's own categories change with the version of Python, and names with them.
_UNSEEN = (
    "\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180e\u2000-\u200f"
    "\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
    "\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# A space at either end cannot be seen either.
_ODD = re.compile(f"[\\\\{_UNSEEN}]|^ | $")
_UNTEXT = re.compile(f"(?![\ud800-\udfff])[{_UNSEEN}]")
_ESCAPE = re.compile(r"\\(?:(\\)|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")
_BYTES = range(0xDC80, 0xDD00)  # how Python stands for the bytes of a name that is not UTF-8

# Letters of other scripts, and those of Turkish, that most fonts draw as a Latin one.
_LATIN = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u051b\u051d"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0406\u0408\u0405"
    "\u03bf\u03bd\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4"
    "\u03a5\u03a7\u0130\u0131",
    "aeopcyxijsdhqwABEKMHOPCTXIJSovABEZHIKMNOPTYXii",
)


def printable(name: str) -> str:
    """Return one name, as in a folder where no other becomes the same; see :func:`shown_names`."""
    return _ODD.sub(_escaped, unicodedata.normalize("NFC", name))


def raw(shown: str) -> str:
    """Return the name, with composed letters, that is shown as this."""
    return _ESCAPE.sub(_plain, shown)


def shown_names(names: Iterable[str]) -> dict[str, str]:
    """Return the shown form of every name in one folder; no two are the same."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(names)):
        groups[printable(name)].append(name)
    found = {}
    for shown, same in groups.items():
        plain = same[0]
        if len(same) > 1:
            composed = unicodedata.normalize("NFC", plain)
            plain = composed if composed in same else plain
        found.update({name: shown if name == plain else _exact(name) for name in same})
    return found


def shown_paths(paths: Iterable[str]) -> dict[str, str]:
    """Return the shown form of every path, whose parts are divided by "/"; no two are the same."""
    paths = list(paths)
    children = _children(paths)
    forms = {folder: shown_names(names) for folder, names in children.items()}
    found: dict[str, str] = {"": ""}

    def shown(path: str) -> str:
        if path not in found:
            folder, _, name = path.rpartition("/")
            prefix = f"{shown(folder)}/" if folder else ""
            found[path] = prefix + forms[folder][name]
        return found[path]

    return {path: shown(path) for path in paths}


def lookalikes(names: Iterable[str]) -> list[list[str]]:
    """Return groups of shown names that look alike, or are one name on some systems.

    They differ only in upper and lower case, in how letters are composed, in letters of another
    script that fonts draw alike, in what cannot be seen, or in spaces and full stops at the end,
    which Windows leaves out.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(names)):
        plain = name.isascii() and "\\" not in name
        groups[(name.casefold() if plain else _bare(name)).rstrip(" .")].append(name)
    return [same for same in groups.values() if len(same) > 1]


def lookalike_files(paths: Sequence[str]) -> list[list[str]]:
    """Return groups of files and folders as :func:`lookalikes` does, each within one folder."""
    return [
        [f"{folder}/{name}" if folder else name for name in group]
        for folder, names in sorted(_children(paths).items())
        for group in lookalikes(names)
    ]


def _children(paths: Iterable[str]) -> dict[str, set[str]]:
    """Return the names of the files and folders in every folder; "" is the outermost."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        folder = path
        while folder:
            folder, _, name = folder.rpartition("/")
            if name in found[folder]:
                break
            found[folder].add(name)
    return found


def _bare(name: str) -> str:
    # A space of any width counts as one; a byte that is no text is seen as an escape.
    text = _UNTEXT.sub("", re.sub(r"(?![\x00-\x1f])\s", " ", raw(name)))
    return unicodedata.normalize("NFKC", text).strip().translate(_LATIN).casefold()


def _exact(name: str) -> str:
    return re.sub(r"[^ -~]", _escaped, _ODD.sub(_escaped, name))


def _escaped(found: re.Match[str]) -> str:
    return "\\\\" if found[0] == "\\" else _code(found[0])


def _code(letter: str) -> str:
    value = ord(letter)
    if value in _BYTES:
        return f"\\x{value - 0xDC00:02x}"
    return f"\\u{value:04x}" if value < 0x10000 else f"\\U{value:08x}"


def _plain(found: re.Match[str]) -> str:
    backslash, byte, short, long = found.groups()
    if backslash:
        return "\\"
    return chr(0xDC00 + int(byte, 16)) if byte else chr(int(short or long, 16))
