"""What goes wrong is told in Google's words, leaves state and cloud in agreement, and the next `up` mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal import faults
from rehearsal.cloud.errors import ApiError
from rehearsal.cloud.store import Cloud
from rehearsal.convergence import Picture
from rehearsal.failures import DRIFTS, KINDS
from rehearsal.faults import Fault
from rehearsal.google.patience import ATTEMPTS
from rehearsal.serve import InitialisationFailed
from tests.rehearsal.conftest import TOKENS, Driver, sample

NETWORK = "gcp:compute/network:Network"
POOL = "gcp:container/nodePool:NodePool"
DEV = (
    "stockout, quota:NodePool@3, timeout@4, denied:Bucket, disabled:KeyRing, 503x4:Network, 429x12:Firewall, kill@30, "
)
DEV += "drift, gone, gone:Dashboard@2, 503:NodePool@2"


@pytest.fixture
def undisturbed(driver: Driver, cloud: Cloud) -> Picture:
    """A stack that has one resource of each type; its cloud is empty again."""
    made = driver.make(TOKENS[-1])
    there = {(each.token, each.id): each for each in cloud.all()}
    for each in reversed(cloud.all()):
        cloud.vanish(each.token, each.id)
    state = {f"urn:pulumi:test::p::{token}::it": (identity, sample(token)) for token, (identity, _) in made.items()}
    return Picture(state, there, cloud.fact("numbers"))


def planned(text: str, undisturbed: Picture) -> list[faults.Planned]:
    found: list[faults.Planned] = []
    for each in faults.parse(text):
        found.append(faults.plan(each, undisturbed, found))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stockout", [Fault("stockout")]),
        (" denied:Bucket@2 ,kill@17,", [Fault("denied", "Bucket", 2), Fault("kill", "", 17)]),
        ("503:gcp:compute/network:Network", [Fault("503", NETWORK, times=3)]),
        ("429x12:gcp:compute/*@3", [Fault("429", "gcp:compute/*", 3, 12)]),
    ],
)
def test_a_fault_is_a_kind_and_says_where_if_a_person_cares(text: str, expected: list[Fault]) -> None:
    assert faults.parse(text) == tuple(expected)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"FAULTS = '': names no fault. Each is KIND\[xTIMES\]\[:TYPE\]\[@N\], such as stockout"),
        (
            "stokout",
            r"'stokout': there is no 'stokout'. Did you mean stockout\? There are: stockout: Google has no such",
        ),
        ("denied:Bucket@0", r"'denied:Bucket@0' is no fault. Each is KIND"),
        ("random:x:3", r"'random:x:3': there is no 'random'"),
        ("quotax3", r"quota happens once; x3 is for 429 and 503"),
        ("kill:Bucket@3", r"a kill strikes the engine: write kill@N"),
    ],
)
def test_what_is_no_fault_is_refused_with_the_part_and_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(faults.NotAFault, match=says):
        faults.parse(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("denied:Bukket", "denied:Bukket@1: strikes nothing in this stack. denied can strike Account, AlertPolicy"),
        ("denied:Bucket@2", "denied:Bucket@2: there are 1 in this stack"),
        ("timeout:Bucket", "timeout:Bucket@1: strikes nothing in this stack. timeout can strike NodePool"),
        ("gone:Network", "gone:Network@1: strikes nothing in this stack"),
        ("kill@900", "kill@900: there are"),
        ("denied:Bucket,disabled:Bucket", "disabled:Bucket@1: strikes it, as another does"),
        ("random:1:400", "strikes nothing in this stack. .* once each"),
    ],
)
def test_a_fault_that_strikes_nothing_says_what_it_could_strike(undisturbed: Picture, text: str, says: str) -> None:
    with pytest.raises(faults.NotAFault, match=says):
        planned(text, undisturbed)


def test_faults_are_drawn_the_same_for_the_same_seed(undisturbed: Picture) -> None:
    drawn = faults.parse("random:7:8")
    assert len(drawn) == 8
    assert faults.parse("random:7:8") == drawn != faults.parse("random:8:8")
    struck = planned("random:7:8", undisturbed)
    assert planned("random:7:8", undisturbed) == struck
    assert len({each.fault.kind for each in struck}) > 3
    assert len({(each.urn, each.plan is None) for each in struck if each.urn}) == sum(bool(each.urn) for each in struck)


@pytest.mark.parametrize(
    ("text", "says", "is_there"),
    [
        (
            "stockout",
            r"Error 8 \(RESOURCE_EXHAUSTED\): Error waiting for creating GKE NodePool: .*\[GCE_STOCKOUT\]",
            True,
        ),
        ("stockout:V2Vm", r'There is no more capacity in the zone "us-central1-a"', False),
        ("quota", r'Error 403 \(PERMISSION_DENIED\): Insufficient regional quota .* resource "\w+": request', False),
        ("quota:Network", r"Error 403 \(RESOURCE_EXHAUSTED\): Quota 'NETWORKS' exceeded", False),
        ("denied:Network", r"Required 'compute.networks.create' permission for 'projects/.*/networks/net'", False),
        ("denied:Bucket", r"Permission 'storage.buckets.create' denied on resource 'example-project-models'", False),
        ("disabled:Network", r"Compute Engine API has not been used in project 100000000001 before", False),
        ("429x10:Network", r"Error 429 .*Quota exceeded for quota metric 'Write requests'", False),
        ("503x10:Network", r"Error 503 \(UNAVAILABLE\): The service is currently unavailable", False),
        ("timeout", r"timeout while waiting for state to become 'DONE'", True),
    ],
)
def test_a_failure_is_told_in_googles_words_and_leaves_what_google_would(
    driver: Driver, cloud: Cloud, undisturbed: Picture, text: str, says: str, *, is_there: bool
) -> None:
    (fault,) = planned(text, undisturbed)
    token = fault.resource.token
    for each in TOKENS[: TOKENS.index(token)]:
        driver.create(each, sample(each))
    assert fault.plan
    cloud.plan(fault.plan)
    with pytest.raises(InitialisationFailed if is_there else ApiError, match=says):
        driver.create(token, sample(token))
    assert (cloud.get(token, fault.resource.id) is not None) == is_there
    assert cloud.plans_left() == []


@pytest.mark.parametrize("kind", faults.BURSTS)
def test_a_short_burst_passes_unnoticed_and_takes_its_time(
    driver: Driver, cloud: Cloud, undisturbed: Picture, kind: str
) -> None:
    (fault,) = planned(f"{kind}x4:Network", undisturbed)
    assert fault.plan
    assert not fault.message
    cloud.plan(fault.plan)
    before = cloud.fact("clock")
    driver.create(NETWORK, sample(NETWORK))
    assert [bool(each.error) for each in cloud.operations()][-5:] == [True] * 4 + [False]
    paused = (0.5 + 1 + 1.5 + 2.5) / 60
    assert cloud.fact("clock") - before == pytest.approx(paused + cloud.operations()[-1].minutes)
    assert ATTEMPTS == 10


@pytest.mark.parametrize("token", DRIFTS)
def test_drift_is_a_difference_that_a_refresh_sees(driver: Driver, cloud: Cloud, token: str) -> None:
    identity, state = driver.make(token)[token]
    there = cloud.get(token, identity)
    assert there
    DRIFTS[token](there.body)
    cloud.drift(there)
    _, seen, _ = driver.refresh(token, identity, state, sample(token))
    assert driver.diff(token, identity, seen, sample(token)).changes


def test_every_kind_of_fault_in_one_stack_is_told_and_the_stack_ends_as_undisturbed(tmp_path: Path) -> None:
    wanted = faults.parse(DEV)
    assert {each.kind for each in wanted} == KINDS.keys()
    outcome = faults.rehearse("dev", wanted, tmp_path / "rehearsal")
    assert outcome.passed, [(each.name, each.why, each.errors) for each in outcome.steps if not each.passed]
    names = [each.name for each in outcome.steps]
    assert (names[0], names[-3:]) == ("undisturbed up", ["preview of the drift", "up after drift", "one more up"])
    told = {each.fault.kind for each in outcome.planned if each.message}
    assert told == {"stockout", "quota", "timeout", "denied", "disabled", "429"}
    assert all(each.advice for each in outcome.planned)
