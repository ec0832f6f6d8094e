"""What a program waits for on a cluster, as resources, so that what comes next can depend on it.

The plugin beside this module does the waiting. It reaches the cluster as kubectl does, by KUBECONFIG and a context.
Changing the context replaces nothing: it is a name for a cluster, and not the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi


class Ready(pulumi.CustomResource):
    """Objects of these kinds can be created: their definitions are established, and their webhooks answer.

    Asks by creating each object in a dry run, which leaves nothing. As long as ``custom_timeouts`` says, else five
    minutes. A refresh does not look.
    """

    TYPE = "aidc-kubeflow:index:Ready"

    def __init__(
        self,
        name: str,
        context: str,
        *,
        dry_runs: Sequence[Mapping[str, Any]],
        triggers: Sequence[pulumi.Input[Any]] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        dry_runs:  whole objects that the server would take, in namespaces that are there.
        triggers:  values whose change makes it wait again, such as the version of what answers.
        """
        inputs = {"context": context, "dry_runs": [*dry_runs], "triggers": [*triggers]}
        super().__init__(self.TYPE, name, inputs, opts)


class Drained(pulumi.CustomResource):
    """Nothing of Kueue's is left in the way when queues, runtimes and controllers are deleted.

    Depends on the queues, so that it is deleted before them: then it stops them, lets what runs save its work, and
    deletes the jobs that are left, which the program did not declare. So no finalizer waits for a controller that is
    gone. As long as ``custom_timeouts`` says, else ten minutes.
    """

    TYPE = "aidc-kubeflow:index:Drained"

    def __init__(
        self,
        name: str,
        context: str,
        *,
        cluster_queues: Sequence[pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(self.TYPE, name, {"context": context, "cluster_queues": [*cluster_queues]}, opts)


class Completed(pulumi.CustomResource):
    """A TrainJob or a JobSet came to its end.

    A job that failed fails the `up`, with the last lines of its pod. The next `up` looks again.

    outcome:  what the chief's container left as its termination message, a JSON object.
    """

    TYPE = "aidc-kubeflow:index:Completed"
    OUTPUTS = ("outcome", "uid")

    outcome: pulumi.Output[dict[str, Any]]

    def __init__(
        self,
        name: str,
        context: str,
        *,
        namespace: pulumi.Input[str],
        kind: str,
        job: pulumi.Input[str],
        chief: str | None = "worker",
        timeout_minutes: int = 24 * 60,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        kind:             TrainJob or JobSet.
        job:              its name.
        chief:            replicated job whose first pod says what the job came to; None where nobody does.
        timeout_minutes:  longest wait, the time in the queue included. The job goes on after it.
        """
        inputs = {
            "context": context,
            "namespace": namespace,
            "kind": kind,
            "job": job,
            "chief": chief or "",
            "timeout_minutes": timeout_minutes,
        }
        super().__init__(self.TYPE, name, inputs | dict.fromkeys(self.OUTPUTS), opts)


class Rollout(pulumi.CustomResource):
    """A revision of a Deployment is up: all of its pods are of it, and are available.

    When that is not so in time, or a pod ends with a status that another attempt would not change, the last revision
    that was up is put back, and the `up` fails with the pod's last lines. The next `up` tries the wanted one again.

    The Deployment names its revision in the annotation ``REVISION`` of its pods, and has the annotations that
    ``unattended`` gives: the provider does not wait for it, and takes back what was put back.

    good:  the last revision that was up.
    """

    TYPE = "aidc-kubeflow:index:Rollout"
    OUTPUTS = ("good",)

    good: pulumi.Output[str]

    REVISION = "ai-datacenter/revision"

    def __init__(
        self,
        name: str,
        context: str,
        *,
        namespace: pulumi.Input[str],
        deployment: pulumi.Input[str],
        revision: pulumi.Input[str],
        seconds: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """seconds: that a revision may take to come up."""
        inputs = {
            "context": context,
            "namespace": namespace,
            "deployment": deployment,
            "revision": revision,
            "seconds": seconds,
        }
        super().__init__(self.TYPE, name, inputs | dict.fromkeys(self.OUTPUTS), opts)

    @staticmethod
    def unattended() -> dict[str, str]:
        """Annotations of a Deployment that a ``Rollout`` waits for."""
        return {"pulumi.com/skipAwait": "true", "pulumi.com/patchForce": "true"}
