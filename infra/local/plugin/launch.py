"""``python -m infra.local.plugin.launch RECORD MODULE [ARGUMENT ...]``: records this process, then becomes the module.

The record is there before the server is, so that whoever starts it may be killed at any moment and the next one still
finds the server. ``exec`` keeps the pid and the start time.
"""

import json
import os
import sys
from pathlib import Path

import psutil

record, *command = sys.argv[1:]
aside = Path(f"{record}.partial")
aside.write_text(json.dumps({"pid": os.getpid(), "started": psutil.Process().create_time(), "command": command}))
aside.replace(record)
os.execv(sys.executable, [sys.executable, "-m", *command])  # noqa: S606 - no shell is wanted
