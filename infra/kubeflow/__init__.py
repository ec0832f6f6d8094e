"""Kubeflow and what it stands on, on any Kubernetes.

versions:  which versions go together, and what is known of each component.
"""
