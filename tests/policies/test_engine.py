"""The pack in the real engine: what complies passes, and what does not is refused before it is made."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from policies.__main__ import main
from rehearsal import cycle
from toolchain import cache

PACK = cache.PROJECT / "policies" / "pack"

PROGRAM = """
import pulumi, pulumi_gcp as gcp

provider = gcp.Provider("google", project="example-ai-dev")
labels = {"env": "dev", "owner": "me", "cost-centre": "research", "workload": "demo", "managed-by": "pulumi"}
network = gcp.compute.Network("network", auto_create_subnetworks=False, opts=pulumi.ResourceOptions(provider=provider))
bucket = gcp.storage.Bucket(
    "published",
    location="US-CENTRAL1",
    labels=labels,
    uniform_bucket_level_access=True,
    public_access_prevention=network.numeric_id.apply(lambda known: "enforced"),
    opts=pulumi.ResourceOptions(provider=provider),
)
gcp.storage.BucketIAMMember(
    "everybody",
    bucket="published",
    role="roles/storage.objectViewer",
    member="allUsers",
    opts=pulumi.ResourceOptions(provider=provider),
)
"""


def preview(rehearsal: cycle.Rehearsal) -> subprocess.CompletedProcess[str]:
    return rehearsal.engine("preview", "--stack", rehearsal.stack, "--policy-pack", str(PACK))


def test_a_stack_that_complies_passes(tmp_path: Path) -> None:
    with cycle.Rehearsal("dev", tmp_path / "rehearsal") as rehearsal:
        done = preview(rehearsal)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ai-datacenter" in done.stdout
    assert "GKE-20 medium" in done.stdout  # the pack has looked


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A project whose program publishes a bucket."""
    project = tmp_path / "project"
    (project / "stacks").mkdir(parents=True)
    (project / "stacks" / "Pulumi.dev.yaml").write_text((cache.PROJECT / "stacks" / "Pulumi.dev.yaml").read_text())
    (project / "Pulumi.yaml").write_text("name: ai-datacenter\nruntime: python\nstackConfigDir: stacks\n")
    (project / "__main__.py").write_text(PROGRAM)
    return project


def test_a_change_that_breaks_a_rule_is_refused_before_anything_is_made(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "found.jsonl"
    monkeypatch.setenv("AIDC_POLICY_REPORT", str(report))
    with cycle.Rehearsal("dev", tmp_path / "rehearsal", published) as rehearsal:
        done = preview(rehearsal)
        assert done.returncode != 0
        assert "DATA-02 critical: Name who needs it" in done.stdout
        assert "it is granted to allUsers" in done.stdout
        assert "DATA-01 not checkable yet: publicAccessPrevention is not known" in done.stdout
        assert "COST-06 high: Set budget in the stack file" in done.stdout
        up = rehearsal.run("up", "up", "--yes", "--skip-preview", "--policy-pack", str(PACK))
        assert not up.passed
        assert not [each for each in rehearsal.resources() if each["type"].endswith("BucketIAMMember")]
    assert main(["render", str(report)]) == 1
    assert "DATA-02 critical" in capsys.readouterr().out
