"""Exit statuses that a worker's process tells its group with."""

USAGE = 2
"""The command or the specification is wrong."""

FINAL = 74
"""The work failed in a way that another attempt would not mend (EX_IOERR of sysexits.h)."""
