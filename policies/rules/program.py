"""How the program is written: what would break a later `up`, or give a secret away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.configuration import Configuration, Level
from policies.hardware import CLUSTER, NODE_POOL, TPU_VM
from policies.resource import Resource, shown
from policies.rule import Rules, Severity

RULES = Rules()

SECRETS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a service account's key file": r'"private_key_id"\s*:',
    "a Google API key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "a Google access token": r"\bya29\.[0-9A-Za-z_-]{20,}",
    "a GitHub token": r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{40,})",
    "a Hugging Face token": r"\bhf_[A-Za-z]{30,}\b",
    "an AWS key": r"\bAKIA[0-9A-Z]{16}\b",
    "a Slack token": r"\bxox[abps]-[0-9A-Za-z-]{10,}",
}
"""What a secret looks like (the vendors' own patterns, as secret scanners use them)."""

ANY_SECRET = re.compile("|".join(SECRETS.values()))


@RULES.resource(
    "SEC-01",
    Severity.CRITICAL,
    "gcp:*",
    "kubernetes:*",
    "aidc-tpu:*",
    must="no property has a key or token in it",
    why="What is in the program is in git, in the state, in every log of a preview and in the cloud's console.",
    fix="Revoke it, put its successor into Secret Manager, and give pods access by workload identity.",
    sources=("own", "checkov CKV_K8S_35"),
    waivable=False,
)
def no_secret_is_written_down(resource: Resource, _: Configuration) -> Iterator[str]:
    """No secret is written down."""
    for value in resource.whole.strings():
        if ANY_SECRET.search(value.raw):
            what = next(what for what, pattern in SECRETS.items() if re.search(pattern, value.raw))
            yield f"{value.path} has {what} in it"


@RULES.resource(
    "PUL-01",
    Severity.HIGH,
    "gcp:*",
    "kubernetes:*",
    must="the provider is declared; its `project`, if it has one, is the configuration's",
    why="A default provider takes whatever project and credentials the machine happens to have.",
    fix="Give the component a provider made by google_provider(environment).",
    sources=("own",),
)
def it_is_clear_where_it_is_made(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """The program says in which project, with which provider, a resource is made."""
    provider = resource.provider
    if provider is None:
        return  # a component, or the engine's own
    if provider.name.startswith("default"):
        yield "it has the default provider"
    project = provider.at("project").text()
    if project is not None and project != configuration.project:
        yield f"its provider's project is {shown(project)}, this stack's is {shown(configuration.project)}"


@RULES.resource(
    "PUL-02",
    Severity.MEDIUM,
    "gcp:*",
    must="a component is its parent; clusters, pools and TPU machines say how long to wait",
    why="What has no component is in nobody's overview; and the provider waits two hours for what will not come.",
    fix="Give it parent=self and custom_timeouts (infra/google_cloud/timeouts.py).",
    sources=("own",),
    level=Level.ADVISORY,
)
def it_belongs_to_a_component(resource: Resource, _: Configuration) -> Iterator[str]:
    """A resource belongs to a component, and what takes long says how long."""
    if not resource.parent:
        yield "its parent is the stack"
    if resource.type in (CLUSTER, NODE_POOL, TPU_VM) and not resource.timeouts:
        yield "customTimeouts is not set"


@RULES.resource(
    "PUL-03",
    Severity.MEDIUM,
    "pulumi:pulumi:StackReference",
    must="`name` is a stack of `stack_references`",
    why="Production that reads from development changes with it.",
    fix="Read from a stack of the same kind, or have this one added to stack_references in policies/config.",
    sources=("own",),
)
def stacks_read_from_their_equals(reference: Resource, configuration: Configuration) -> Iterator[str]:
    """A stack reads from those alone that were agreed."""
    name = (reference.at("name").text() or "").rpartition("/")[2]
    if name not in configuration.stack_references:
        yield f"name is {shown(name)}; agreed: {', '.join(configuration.stack_references) or 'none'}"
