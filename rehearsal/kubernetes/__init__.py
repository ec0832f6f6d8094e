"""A stand-in for Pulumi's Kubernetes provider: over a simulated API server, or over a real one.

The provider (``provider``) knows nothing of which it is: both are an ``api.ApiServer``. A rehearsal never talks to a
real one, whatever kubeconfig a program names.
"""
