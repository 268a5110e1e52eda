"""The program's version, folder and exit codes; loads no library."""

from pathlib import Path

VERSION = "0.1.0"
ROOT = Path(__file__).resolve().parent.parent  # holds main.py and resources/, packaged or not

OK = 0
FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130
