"""The program's version and exit codes, where neither torch nor package metadata is needed."""

VERSION = "0.1.0"

OK = 0
FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130
