"""The local site's resources as the program declares them. The plugin beside this module makes them real."""

from __future__ import annotations

from typing import Any

import pulumi


class Artefacts(pulumi.CustomResource):
    """The directories for data sets, checkpoints, models and logs under one root. A delete leaves them by default.

    root:  absolute path.
    """

    TYPE = "aidc-local:index:Artefacts"

    root: pulumi.Output[str]

    def __init__(self, name: str, root: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__(self.TYPE, name, {"root": root}, opts)


class TrainingJob(pulumi.CustomResource):
    """A workload trained by a group of processes and released as a version of its model.

    A change of what is learned replaces the job, and the new one trains; other changes update it.
    """

    TYPE = "aidc-local:index:TrainingJob"
    OUTPUTS = (
        "accuracy",
        "steps_per_second",
        "restarts",
        "version",
        "model_path",
        "example_request",
        "example_label",
        "fingerprint",
    )

    accuracy: pulumi.Output[float]
    steps_per_second: pulumi.Output[float]
    version: pulumi.Output[int]
    example_request: pulumi.Output[str]
    example_label: pulumi.Output[int]

    def __init__(
        self, name: str, workload: dict[str, Any], artefacts: pulumi.Input[str], opts: pulumi.ResourceOptions
    ) -> None:
        """workload: a ``WorkloadSpec`` as plain values, without ``serve``."""
        inputs = {"workload": workload, "artefacts": artefacts}
        super().__init__(self.TYPE, name, inputs | dict.fromkeys(self.OUTPUTS), opts)


class Service(pulumi.CustomResource):
    """A detached server process that answers on loopback, known by its pid and start time."""

    TYPE = "aidc-local:index:Service"
    OUTPUTS = ("url", "listening", "pid", "started", "log")

    url: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        module: str,
        args: list[pulumi.Input[str]],
        port: int,
        ready: str,
        artefacts: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """A Python module run as a server.

        args:   its arguments; ``{port}`` stands for the port that it gets.
        port:   the wanted port; the next free one is taken when it is busy.
        ready:  path that answers 200 once the server can work.
        """
        inputs = {"module": module, "args": args, "port": port, "ready": ready, "artefacts": artefacts}
        super().__init__(self.TYPE, name, inputs | dict.fromkeys(self.OUTPUTS), opts)
