"""A real Kubernetes cluster on this machine: one node that runs pods, and simulated ones on demand.

With a Docker engine it is kind's. Without one it is built here, and runs in namespaces of its own (``node``): nothing
of the machine's network, mounts, services or folders is touched, and the end of its first process ends all of it.
"""
