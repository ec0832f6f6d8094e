"""What the stack may cost. No vendor's rules know this: a pool without a maximum is an unbounded bill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra.hardware.prices import HOURS_PER_MONTH
from policies.configuration import Configuration
from policies.hardware import CLUSTER, MACHINES, NODE_POOL, accelerators_of, machines_of
from policies.resource import Resource, shown
from policies.rule import Problem, Rules, Severity, each_of

RULES = Rules()
BUDGET = "gcp:billing/budget:Budget"
CLUSTER_FEE_USD = 0.10
"""An hour (Google Kubernetes Engine pricing; ``infra.hardware.prices``)."""


@RULES.stack(
    "COST-01",
    Severity.CRITICAL,
    *MACHINES,
    must="list price of all machines at their maximum ≤ `cost.max_hourly_usd`",
    why="An autoscaler may grow to what it is allowed in minutes, and a budget only tells.",
    fix="Lower max_nodes or slices in the stack file, or have cost.max_hourly_usd raised in policies/config.",
    sources=("own",),
    waivable=False,
)
def an_hour_at_full_size_costs_no_more_than_agreed(
    resources: Sequence[Resource], configuration: Configuration
) -> Iterator[Problem]:
    """An hour with everything at its largest costs no more than was agreed."""
    hourly = _hourly_usd(resources, configuration)
    if hourly > configuration.cost.max_hourly_usd:
        yield Problem(f"{hourly:,.2f} USD an hour at list prices; agreed: {configuration.cost.max_hourly_usd:,.2f}")


@RULES.stack(
    "COST-07",
    Severity.HIGH,
    *MACHINES,
    must="the same for 730 hours ≤ `cost.max_monthly_usd`",
    why="What is agreed for a month is what finance plans with.",
    fix="Lower max_nodes or slices in the stack file, or have cost.max_monthly_usd raised in policies/config.",
    sources=("own",),
)
def a_month_at_full_size_costs_no_more_than_agreed(
    resources: Sequence[Resource], configuration: Configuration
) -> Iterator[Problem]:
    """A month with everything at its largest costs no more than was agreed."""
    monthly = _hourly_usd(resources, configuration) * HOURS_PER_MONTH
    if monthly > configuration.cost.max_monthly_usd:
        yield Problem(f"{monthly:,.0f} USD a month at list prices; agreed: {configuration.cost.max_monthly_usd:,.0f}")


def _hourly_usd(resources: Sequence[Resource], configuration: Configuration) -> float:
    """Of all machines at their maximum, as far as prices are known; COST-08 tells of the others.

    Pools that share a reservation count one by one: an upper bound.
    """
    fees = CLUSTER_FEE_USD * sum(each.type == CLUSTER for each in resources)
    machines = [machines_of(each) for each in resources if each.type in MACHINES]
    return fees + sum((each.most or 0) * (each.hourly_usd(configuration) or 0) for each in machines)


@RULES.resource(
    "COST-08",
    Severity.HIGH,
    *MACHINES,
    must="a list price is known, or `cost.assumed_hourly_usd` has the machine type; every pool has a maximum",
    why="What has no price or no maximum counts as nothing in the sum, and it is the dear ones that have none.",
    fix="Write what it costs into cost.assumed_hourly_usd in policies/config; set max_nodes of the pool.",
    sources=("own",),
)
def what_every_machine_costs_is_known(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """What every machine costs is known."""
    machines = machines_of(resource)
    if machines.hourly_usd(configuration) is None:
        yield f"no list price of {machines.machine} is known"
    if machines.most is None and not machines.is_accelerator:  # of accelerators COST-02 tells
        yield "autoscaling.maxNodeCount is not set: nothing bounds the pool"


@RULES.resource(
    "COST-02",
    Severity.CRITICAL,
    NODE_POOL,
    must="`autoscaling.maxNodeCount` or `totalMaxNodeCount` over all zones ≤ `accelerators.max_nodes`; no `nodeCount`",
    why="An accelerator pool without a maximum is an unbounded bill.",
    fix="Set max_nodes of the pool in the stack file, and leave its size to the autoscaler.",
    sources=("own",),
)
def accelerator_pools_have_a_ceiling(pool: Resource, configuration: Configuration) -> Iterator[str]:
    """An accelerator pool has a maximum, within what was agreed, and no fixed size."""
    machines = accelerators_of(pool)
    if machines is None:
        return
    if pool.at("nodeCount").number() is not None:
        yield f"nodeCount is {shown(pool.at('nodeCount').raw)}: the pool costs so much whether anything runs or not"
    elif machines.most is None:
        yield "autoscaling.totalMaxNodeCount is not set: nothing bounds the pool"
    elif machines.most > configuration.accelerators.max_nodes:
        yield f"the maximum is {machines.most} nodes over all zones; agreed: {configuration.accelerators.max_nodes}"


@RULES.resource(
    "COST-03",
    Severity.HIGH,
    *MACHINES,
    must="machine type, or TPU generation and size, in `accelerators.allowed`",
    why="The wrong machine type costs a hundred times the right one, and reads much the same.",
    fix="Use an accelerator of accelerators.allowed, or have this one added in policies/config.",
    sources=("own",),
)
def accelerators_are_those_that_were_agreed(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """Accelerators are of the kinds and sizes that were agreed."""
    machines = accelerators_of(resource)
    if machines is not None and not list(machines.allowed_by(configuration)):
        yield f"{machines.machine}{f' in slices of {machines.chips} chips' if machines.chips else ''} is not agreed"


@RULES.resource(
    "COST-04",
    Severity.HIGH,
    *MACHINES,
    must="bought in a way that the entry of `accelerators.allowed` lists",
    why="On demand costs two to five times what spot does, and what is tried out can be taken back.",
    fix="Set the pool's capacity in the stack file to one that accelerators.allowed lists for it.",
    sources=("own",),
)
def accelerators_are_bought_as_was_agreed(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """Accelerators are bought in the way that was agreed."""
    machines = accelerators_of(resource)
    if machines is None:
        return
    entries = list(machines.allowed_by(configuration))
    if entries and not any(machines.capacity in each.capacity for each in entries):
        ways = sorted({way for each in entries for way in each.capacity})
        yield f"{machines.machine} is bought {machines.capacity}; agreed: {', '.join(ways)}"


@RULES.resource(
    "COST-05",
    Severity.HIGH,
    NODE_POOL,
    must="`autoscaling.minNodeCount` or `totalMinNodeCount` over all zones ≤ `accelerators.max_idle_nodes`",
    why="A node that is kept for nobody costs as much as one that works.",
    fix="Set min_nodes of the pool to 0 in the stack file.",
    sources=("own",),
)
def accelerator_pools_go_to_sleep(pool: Resource, configuration: Configuration) -> Iterator[str]:
    """An accelerator pool keeps no more nodes than was agreed while nothing wants them."""
    machines = accelerators_of(pool)
    allowed = configuration.accelerators.max_idle_nodes
    if machines is not None and machines.least > allowed:
        yield f"the minimum is {machines.least} nodes over all zones; agreed: {allowed}"


@RULES.stack(
    "COST-06",
    Severity.HIGH,
    BUDGET,
    must="a budget with ascending `thresholdRules`, one of them `FORECASTED_SPEND`, where there is a project",
    why="Nobody looks at a bill every day, and a forecast tells before the money is gone.",
    fix="Set budget in the stack file, with thresholds in ascending order and a forecast.",
    sources=("own", "2i2c infrastructure"),
)
def somebody_is_told_what_is_spent(resources: Sequence[Resource], configuration: Configuration) -> Iterator[Problem]:
    """Somebody is told what is spent, and what is going to be."""
    budgets = [each for each in resources if each.type == BUDGET]
    if configuration.project and not budgets:
        yield Problem("there is no budget")
    yield from each_of(budgets, _of_budget)


def _of_budget(budget: Resource) -> Iterator[str]:
    rules = budget.at("thresholdRules").items()
    shares = [each.at("thresholdPercent").number() or 0 for each in rules]
    if shares != sorted(shares):
        yield "thresholdRules are not in ascending order: every preview would show a change"
    if not any(each.at("spendBasis").text() == "FORECASTED_SPEND" for each in rules):
        yield "no threshold is on FORECASTED_SPEND: it tells when the money is gone"
