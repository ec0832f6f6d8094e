"""The pack as the engine runs it: four policies, whatever the number of rules.

The SDK reads a resource anew for each policy, which for a large custom resource definition takes longer than all
rules together. And a policy has one level, where a stack's configuration has one for each rule. So there is a policy
for each level, of resources and of the stack, and each finding begins with its rule. A resource is looked at before it
is made or changed, in the preview and in the `up`; the stack after everything else, from the same inputs.

Nothing but this module knows the SDK. It never returns: ``PolicyPack`` serves until the engine ends it.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import _DictProxy, _ListProxy

from policies import configuration, waivers
from policies.render import text
from policies.resource import Resource
from policies.review import Finding, Review
from policies.rules import RULES
from policies.state import parent_of, plain

REPORT = os.environ.get("AIDC_POLICY_REPORT")
"""A file that every finding is added to as a line of JSON, for ``python -m policies render``."""

_found: dict[str, list[Finding]] = {}
"""By URN, what the mandatory policy found and the advisory one is still to report."""


@cache
def _review(stack: str) -> Review:
    """The review of this run. Raises Misconfigured, which the engine shows."""
    today = datetime.now(timezone.utc).date()  # noqa: UP017 - datetime.UTC is of 3.11
    return Review(stack, RULES, configuration.load(stack), waivers.load(stack, RULES, today))


def _resource(args: ResourceValidationArgs | PolicyResource) -> Resource:
    provider, timeouts = args.provider, args.opts.custom_timeouts
    return Resource(
        urn=args.urn,
        type=args.resource_type,
        inputs=plain(_bare(args.props)),
        protected=args.opts.protect,
        parent=parent_of(args.opts.parent or ""),
        provider=provider and Resource(provider.urn, provider.resource_type, plain(_bare(provider.props))),
        timeouts=bool(timeouts.create_seconds or timeouts.update_seconds or timeouts.delete_seconds),
    )


def _bare(value: Any) -> Any:
    """Past the SDK's proxies, of which there is one at every level, and which raise at the first unknown value."""
    if isinstance(value, _DictProxy | _ListProxy):
        value = value["__target"]
    if isinstance(value, dict):
        return {key: _bare(each) for key, each in value.items()}
    return [_bare(each) for each in value] if isinstance(value, list) else value


def must_hold(args: ResourceValidationArgs, report: ReportViolation) -> None:
    resource = _resource(args)
    found = _review(resource.stack).of_resource(resource)
    _record(found)
    _found[args.urn] = [each for each in found if not each.stops]
    for each in found:
        if each.stops:
            report(text.of_finding(each), None)


def should_hold(args: ResourceValidationArgs, report: ReportViolation) -> None:
    for each in _found.pop(args.urn, []):
        report(text.of_finding(each), None)


def stack_must_hold(args: StackValidationArgs, report: ReportViolation) -> None:
    if not args.resources:
        return
    stack = args.resources[0].urn.split(":")[2]
    found = _review(stack).of_stack(each.urn for each in args.resources)
    _record(found)
    _found[""] = [each for each in found if not each.stops]
    for each in found:
        if each.stops:
            report(text.of_finding(each), _known(each))


def stack_should_hold(args: StackValidationArgs, report: ReportViolation) -> None:
    for each in _found.pop("", []):
        report(text.of_finding(each), _known(each))
    if args.resources:
        for waiver in _review(args.resources[0].urn.split(":")[2]).in_force:
            report(f"waiver in force: {waiver}", None)


def _known(finding: Finding) -> str | None:
    """The URN, for a resource; the engine takes None for the stack."""
    return finding.urn if "::" in finding.urn else None


def _record(findings: list[Finding]) -> None:
    if not REPORT or not findings:
        return
    with Path(REPORT).open("a") as file:
        for each in findings:
            row = {"rule": each.rule.id, "kind": each.kind, "level": each.level, "urn": each.urn, "text": each.text}
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    PolicyPack(
        name="ai-datacenter",
        policies=[
            ResourceValidationPolicy(
                "must-hold", "A rule does not hold.", must_hold, enforcement_level=EnforcementLevel.MANDATORY
            ),
            ResourceValidationPolicy(
                "should-hold", "To be looked at.", should_hold, enforcement_level=EnforcementLevel.ADVISORY
            ),
            StackValidationPolicy(
                "stack-must-hold",
                "A rule about the whole stack does not hold.",
                stack_must_hold,
                enforcement_level=EnforcementLevel.MANDATORY,
            ),
            StackValidationPolicy(
                "stack-should-hold",
                "To be looked at, of the whole stack.",
                stack_should_hold,
                enforcement_level=EnforcementLevel.ADVISORY,
            ),
        ],
    )
