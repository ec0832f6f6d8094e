"""Kubeflow and what it stands on, on any Kubernetes.

versions:      which versions go together, and what is known of each component.
platform:      the components in their order, the queues and the teams' namespaces.
installation:  how a component is installed or adopted; a module for each says with what values (``cert_manager``,
               ``jobset``, ``kserve``, ``kueue``, ``lws``, ``trainer``), and ``chart`` where its charts come from.
namespaces:    what a team's pods may do and reach; ``artefacts``, where its data lies.
runtimes:      how TrainJobs of TensorFlow run, and run again; ``pods``, of what all pods of workloads are made.
waiting:       what a program waits for on a cluster; ``plugin`` does the waiting.
"""
