"""Exit statuses that a training process tells its keeper with: the local group, or Kubernetes."""

USAGE = 2
"""The command or the specification is wrong."""

PREEMPTED = 42
"""SIGTERM came, and nothing is lost: another attempt goes on from the checkpoint. No failure, and counted as none."""

FINAL = 74
"""The work failed in a way that another attempt would not mend (EX_IOERR of sysexits.h)."""

ABSENT = 75
"""Other members of the group did not appear (EX_TEMPFAIL of sysexits.h): another attempt may find them."""
