"""Jobs and services of a workload on a cluster: from its specification to what the platform runs."""
