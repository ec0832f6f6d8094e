"""What the organisation decides for everybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.configuration import Configuration, Level
from policies.resource import Resource, shown
from policies.rule import Problem, Rules, Severity

RULES = Rules()

POLICY = "gcp:orgpolicy/policy:Policy"
CONSTRAINTS = (
    "iam.disableServiceAccountKeyCreation",
    "iam.automaticIamGrantsForDefaultServiceAccounts",
    "iam.allowedPolicyMemberDomains",
    "storage.publicAccessPrevention",
    "storage.uniformBucketLevelAccess",
    "compute.requireOsLogin",
    "compute.requireShieldedVm",
    "compute.vmExternalIpAccess",
    "compute.skipDefaultNetworkCreation",
    "compute.restrictProtocolForwardingCreationForTypes",
    "compute.disableSerialPortAccess",
    "gcp.resourceLocations",
)
"""Of Google's managed constraints, those without which a project can be opened by its own administrators."""


@RULES.resource(
    "LOC-01",
    Severity.HIGH,
    "gcp:*",
    "aidc-tpu:*",
    must="`location`, `region` and `zone` are in `locations`, or `global`",
    why="Data may not leave the places that were agreed, and a resource elsewhere is one that nobody looks for.",
    fix="Use a region of locations, or have this one added in policies/config.",
    sources=("organisation policy gcp.resourceLocations",),
)
def everything_is_where_it_was_agreed(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """Everything is in the regions that were agreed."""
    for key in ("location", "region", "zone"):
        where = resource.at(key).text()
        if where is None or where == "global":
            continue
        region = where.lower().rpartition("-")[0] if where.count("-") == 2 else where.lower()
        if region not in configuration.locations:
            yield f"{key} is {shown(where)}; agreed: {', '.join(configuration.locations)}"


@RULES.stack(
    "ORG-01",
    Severity.MEDIUM,
    POLICY,
    must=f"the {len(CONSTRAINTS)} core constraints, where `organisation_policies` is `here`; none of them weakened",
    why="A rule of this pack holds for this program; a constraint of the organisation holds for the console too.",
    fix="Declare gcp.orgpolicy.Policy for each, or have those who own the folder set them above.",
    sources=("organisation policy", "Cloud Foundation Fabric, hardened dataset"),
    level=Level.ADVISORY,
)
def the_console_is_bound_too(resources: Sequence[Resource], configuration: Configuration) -> Iterator[Problem]:
    """The organisation's policies bind the console too."""
    there = set()
    for policy in resources:
        if policy.type != POLICY:
            continue
        constraint = (policy.at("name").text() or "").rpartition("/")[2]
        there.add(constraint)
        for each in policy.at("spec.rules").items():
            if constraint in CONSTRAINTS and each.at("enforce").text() == "FALSE":
                yield Problem(f"{each.path}.enforce is FALSE: the project is let off {constraint}", policy)
    missing = [each for each in CONSTRAINTS if each not in there]
    if configuration.organisation_policies == "here" and missing:
        yield Problem(f"no policy for {', '.join(missing)}")
