"""The local site's resources as the program declares them. The plugin beside this module makes them real."""

from __future__ import annotations

from typing import Any

import pulumi


class Artefacts(pulumi.CustomResource):
    """The directories for data sets, checkpoints, models and logs under one root. A delete leaves them by default.

    root:  absolute path.
    """

    root: pulumi.Output[str]

    def __init__(self, name: str, root: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__("aidc-local:index:Artefacts", name, {"root": root}, opts)


class TrainingJob(pulumi.CustomResource):
    """A workload trained by a group of processes and released as a version of its model.

    A change of what is learned replaces the job, and the new one trains; other changes update it.
    """

    accuracy: pulumi.Output[float]
    steps_per_second: pulumi.Output[float]
    version: pulumi.Output[int]
    model_path: pulumi.Output[str]
    example_request: pulumi.Output[str]
    example_label: pulumi.Output[int]

    def __init__(
        self, name: str, workload: dict[str, Any], artefacts: pulumi.Input[str], opts: pulumi.ResourceOptions
    ) -> None:
        """workload: a ``WorkloadSpec`` as plain values, without ``serve``."""
        outputs = dict.fromkeys(
            [
                "accuracy",
                "steps_per_second",
                "restarts",
                "version",
                "model_path",
                "example_request",
                "example_label",
                "fingerprint",
            ]
        )
        super().__init__(
            "aidc-local:index:TrainingJob", name, {"workload": workload, "artefacts": artefacts, **outputs}, opts
        )


class Service(pulumi.CustomResource):
    """A detached server process that answers on loopback, known by its pid and start time."""

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
        outputs = dict.fromkeys(["url", "listening", "pid", "started", "log"])
        inputs = {"module": module, "args": args, "port": port, "ready": ready, "artefacts": artefacts}
        super().__init__("aidc-local:index:Service", name, {**inputs, **outputs}, opts)
