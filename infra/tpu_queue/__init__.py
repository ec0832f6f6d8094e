"""Queued resources of the TPU API: what is declared (``resource``) and how it becomes real (``plugin``)."""
