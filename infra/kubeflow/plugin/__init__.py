"""The provider plugin that waits for what happens on a cluster: components, queues, jobs and rollouts."""
