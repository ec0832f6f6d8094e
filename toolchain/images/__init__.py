"""Container images of the workloads, from ``workloads/images/Dockerfile`` with docker, podman or buildah.

Where none of them is, buildah comes from Debian's packages and keeps all that it makes in the cache folder. Where no
registry answers, the base comes from Debian's packages too.
"""
