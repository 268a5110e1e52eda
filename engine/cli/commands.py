"""The headless commands by name, and what each does; loads nothing, so the window starts fast."""

COMMANDS = {
    "run": "compute what a plan asks for and the study lacks",
    "list": "list the study's records",
    "show": "print one record's numbers, or the trade-off table",
    "export": "draw a figure from the study's records",
    "check": "verify every record of the study",
    "pack": "write a copy of the study as one HDF5 file",
    "unpack": "make a study folder of such a file",
    "methods": "list every attack, attribution, scheme, network, metric and figure",
}
