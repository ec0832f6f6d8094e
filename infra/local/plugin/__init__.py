"""The provider plugin of the local site: how its resources are created, read, updated and deleted."""
