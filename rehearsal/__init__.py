"""Google Cloud stacks on the real engine with no cloud and no credentials.

plugins:  what is put on the engine's path in place of the vendor's.
google:   the stand-in for the Google provider, over a table of resource types.
cloud:    the simulated cloud behind it, and the TPU API on loopback.
cycle:    the whole life of a stack.

The program under ``infra`` knows nothing of this package, and this package nothing of it.
"""
