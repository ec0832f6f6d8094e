"""What can be known about a stack before it is brought up: ``python -m infra.preflight --stack NAME``.

checks:   the outcome of looking at one thing.
offline:  what follows from the stack file alone.
api:      reads Google's APIs; every refusal becomes a plain sentence.
online:   what Google says about the project: quota, APIs, zones, reservations, adopted resources.
report:   all of it as tables for people and as JSON for machines.

It needs no engine and changes nothing.
"""
