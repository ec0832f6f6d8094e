"""The dense 784-256-10 network that TPUStrategy is usually introduced with."""
