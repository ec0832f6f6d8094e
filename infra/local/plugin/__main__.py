"""``python -m infra.local.plugin ENGINE``: serves the provider to the engine that started this process."""

from infra.local.plugin.provider import LocalProvider
from infra.plugin import server

VERSION = "0.1.0"

if __name__ == "__main__":
    server.run(VERSION, LocalProvider)
