"""``python -m infra.kubeflow.plugin ENGINE``: serves the provider to the engine that started this process."""

from infra.kubeflow.plugin.completed import CompletedHandler
from infra.kubeflow.plugin.drained import DrainedHandler
from infra.kubeflow.plugin.ready import ReadyHandler
from infra.kubeflow.plugin.rollout import RolloutHandler
from infra.kubeflow.waiting import Completed, Drained, Ready, Rollout
from infra.plugin import server
from infra.plugin.provider import HandlerProvider

VERSION = "0.1.0"

if __name__ == "__main__":
    handlers = {
        Ready.TYPE: ReadyHandler(),
        Drained.TYPE: DrainedHandler(),
        Completed.TYPE: CompletedHandler(),
        Rollout.TYPE: RolloutHandler(),
    }
    server.run(VERSION, lambda talk_at: HandlerProvider(handlers, talk_at))
