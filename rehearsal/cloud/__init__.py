"""The simulated cloud behind the plugins of a rehearsal: one SQLite file, shared by all of their processes.

store:    resources, operations and what is set about the project; whole or not there, whenever a process is killed.
errors:   refusals in Google's form.
moments:  where something can go wrong, and what then does.
tpu_api:  the TPU API over HTTP, for the plugin of queued resources.
"""
