"""A Pulumi program that declares one queued resource."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from infra.tpu_queue.resource import QueuedResource
from tests.project import STACK, Project
from toolchain import cache

NAME = "projects/my-project/locations/us-west4-a/queuedResources/slice"
URN = f"urn:pulumi:{STACK}::ai-datacenter::{QueuedResource.TYPE}::slice"
SLICE = {
    "project": "my-project",
    "zone": "us-west4-a",
    "queued_resource_id": "slice",
    "runtime_version": "v2-alpha-tpuv5-lite",
    "accelerator_type": "v5litepod-16",
    "capacity": "spot",
}
MAIN = """
import json, os, pulumi
from infra.tpu_queue.resource import QueuedResource, QueuedResourceArgs

for name, args in json.loads(os.environ["SLICES"]).items():
    timeouts = pulumi.CustomTimeouts(create=os.environ.get("CREATE_TIMEOUT", "1m"))
    opts = pulumi.ResourceOptions(custom_timeouts=timeouts, import_=os.environ.get("IMPORT"))
    made = QueuedResource(name, QueuedResourceArgs(**args), opts)
    pulumi.export(name, {"state": made.state, "nodes": made.nodes, "endpoints": made.endpoints, "id": made.id})
"""


class Program(Project):
    """A project with its own ``Pulumi.yaml`` and program, whose plugin asks the API at ``url``."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        project = folder / "project"
        plugin = cache.PROJECT / "infra" / "tpu_queue" / "plugin"
        settings = {
            "name": "ai-datacenter",
            "main": "program/",
            "stackConfigDir": "stacks",
            "runtime": "python",
            "plugins": {"providers": [{"name": "aidc-tpu", "path": str(plugin)}]},
        }
        (project / "Pulumi.yaml").write_text(yaml.safe_dump(settings))
        (project / "stacks" / f"Pulumi.{STACK}.yaml").write_text("{}")
        (project / "program").mkdir()
        (project / "program" / "__main__.py").write_text(MAIN)
        self.environment |= {"AIDC_TPU_ENDPOINT": url, "AIDC_TPU_POLL_SECONDS": "0.05"}
        self.environment.pop("GOOGLE_APPLICATION_CREDENTIALS", None)
        self.declare()

    def declare(self, **changes: Any) -> None:
        self.environment["SLICES"] = json.dumps({"slice": SLICE | changes})

    def declare_nothing(self) -> None:
        self.environment["SLICES"] = "{}"

    def slice(self) -> dict[str, Any]:
        """The resource's outputs in the state."""
        return self.resources()["slice"]

    def plugins(self) -> list[int]:
        return [process.pid for process in self.processes("infra.tpu_queue.plugin")]
