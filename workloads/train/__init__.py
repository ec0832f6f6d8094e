"""Distributed training: one loop for every strategy, and the group of processes that runs it."""
