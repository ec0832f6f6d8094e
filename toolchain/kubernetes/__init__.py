"""Kubernetes from pinned Go modules: what its APIs say, Helm and kustomize, and a control plane for tests.

Nothing of it is part of the set-up. Each is made when it is asked for the first time, and kept in the cache folder.
"""
