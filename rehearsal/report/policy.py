"""What the policies find in the stack that was rehearsed.

They are run as a process, over the state as the engine keeps it: the rehearsal knows nothing of the rules. What they
say is read as SARIF 2.1.0.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rehearsal.report.document import Finding

LEVELS = {"error": "mandatory", "warning": "advisory"}


class NoPolicies(Exception):
    """Why nothing was looked at, in a sentence."""


def ask(stack: str, resources: Sequence[dict[str, Any]], folder: Path, project: Path) -> list[Finding]:
    """What the policies of ``project`` find in ``resources``, which are kept in ``folder``; without what is waived.

    Raises NoPolicies.
    """
    state = folder / "state.json"
    state.write_text(json.dumps({"version": 3, "deployment": {"resources": list(resources)}}))
    command = [sys.executable, "-m", "policies", "audit", str(state), "--stack", stack, "--format", "sarif"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    try:
        results = json.loads(done.stdout)["runs"][0]["results"]
    except ValueError:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines() or [f"exit code {done.returncode}"]
        raise NoPolicies(f"the policies said nothing of {stack}: {reason[-1]}") from None
    return [_finding(each) for each in results if "suppressions" not in each]


def _finding(result: dict[str, Any]) -> Finding:
    return Finding(
        rule=result["ruleId"],
        severity=LEVELS[result["level"]],
        resource=result["locations"][0]["logicalLocations"][0]["name"],
        message=result["message"]["text"],
    )
