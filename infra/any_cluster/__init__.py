"""A Kubernetes cluster that is there already, as a site."""
