"""``python -m infra.tpu_queue.plugin ENGINE``: serves the provider to the engine that started this process."""

from infra.plugin import server
from infra.plugin.provider import HandlerProvider
from infra.tpu_queue.plugin.queued_resource import QueuedResourceHandler
from infra.tpu_queue.resource import QueuedResource

VERSION = "0.1.0"

if __name__ == "__main__":
    server.run(VERSION, lambda talk_at: HandlerProvider({QueuedResource.TYPE: QueuedResourceHandler()}, talk_at))
