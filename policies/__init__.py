"""What every change of the data centre is held against, as rules.

resource:       a resource as a rule sees it, whether from the engine or from an exported state.
rule:           what a rule is; ``rules`` holds them, a family a module.
configuration:  what an environment decides: caps, allow-lists, levels (``config/<stack>.yaml``).
waivers:        exceptions that somebody argued for and somebody approved (``waivers.yaml``).
review:         rules, configuration and waivers over resources; what comes of it.
render:         a review for people (text, Markdown) and for machines (SARIF).
engine:         the pack as the engine runs it, the only module that knows the policy SDK.
``python -m policies`` audits an exported state without an engine.
"""
