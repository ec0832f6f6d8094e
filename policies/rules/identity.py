"""Who may do what, and who gets in to machines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.configuration import Configuration
from policies.hardware import INSTANCE, TPU_QUEUE, TPU_VM
from policies.resource import Resource, shown
from policies.rule import Rules, Severity, expect

RULES = Rules()

PROJECT_GRANTS = tuple(
    f"gcp:{scope}/iAM{kind}:IAM{kind}"
    for scope in ("projects", "folder", "organizations")
    for kind in ("Member", "Binding")
)
BASIC_ROLES = ("roles/owner", "roles/editor", "roles/viewer")
IMPERSONATION = ("roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountUser")
KEY = "gcp:serviceaccount/key:Key"
FEDERATION = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"


@RULES.resource(
    "IAM-01",
    Severity.CRITICAL,
    KEY,
    must="there is none",
    why="A key file is a password that never expires, and it will be copied.",
    fix="Remove the key: pods use workload identity, workflows use federation, people their own login.",
    sources=("CIS Google Cloud 1.4", "checkov CKV2_GCP_3", "organisation policy"),
    waivable=False,
)
def no_account_has_a_key_file(key: Resource, _: Configuration) -> Iterator[str]:
    """No service account has a key file."""
    yield f"a key of {shown(key.at('serviceAccountId').raw)}"


@RULES.resource(
    "IAM-02",
    Severity.CRITICAL,
    *PROJECT_GRANTS,
    must="`role` is not owner, editor or viewer",
    why="A basic role has thousands of permissions, and nobody knows which of them are used.",
    fix="Grant the narrowest predefined role, on the very resource that it is for.",
    sources=("checkov CKV_GCP_115", "checkov CKV_GCP_116", "checkov CKV_GCP_117", "organisation policy"),
)
def nobody_has_a_basic_role(grant: Resource, _: Configuration) -> Iterator[str]:
    """Nobody has a basic role."""
    if grant.at("role").text() in BASIC_ROLES:
        yield f"role is {shown(grant.at('role').raw)}"


@RULES.resource(
    "IAM-03",
    Severity.CRITICAL,
    FEDERATION,
    must="`attributeCondition` names a repository or its owner by id",
    why="Without a condition every workflow of everybody on GitHub gets a token of this project.",
    fix="Set attribute_condition to a comparison of assertion.repository_id with the repository's number.",
    sources=("checkov CKV_GCP_118", "checkov CKV_GCP_125"),
)
def federation_is_with_one_repository(provider: Resource, _: Configuration) -> Iterator[str]:
    """Federation is with named repositories alone."""
    condition = provider.at("attributeCondition").text() or ""
    if not re.search(r"assertion\.repository(_owner)?_id\s*(==|in)", condition):
        yield f"attributeCondition is {shown(condition or None)}"


@RULES.resource(
    "IAM-04",
    Severity.HIGH,
    *PROJECT_GRANTS,
    must="`role` lets nobody act as every service account of the project",
    why="Whoever may act as every account has the rights of all of them together.",
    fix="Grant the role on the one service account: gcp.serviceaccount.IAMMember.",
    sources=("checkov CKV_GCP_41", "checkov CKV_GCP_49", "organisation policy"),
)
def nobody_can_act_as_every_account(grant: Resource, _: Configuration) -> Iterator[str]:
    """Nobody can act as every service account of the project."""
    if grant.at("role").text() in IMPERSONATION:
        yield f"role is {shown(grant.at('role').raw)}, on the whole project"


@RULES.resource(
    "VM-01",
    Severity.HIGH,
    INSTANCE,
    TPU_VM,
    TPU_QUEUE,
    must="secure boot; metadata `enable-oslogin`, `block-project-ssh-keys`, not `serial-port-enable`; no forwarding",
    why="Keys that stand on a machine outlive the people who put them there.",
    fix="Set the three metadata keys, shielded_instance_config enable_secure_boot, and can_ip_forward to false.",
    sources=("CIS Google Cloud 4.3 to 4.8", "checkov CKV_GCP_32 to 36", "checkov CKV_GCP_39"),
)
def people_get_in_to_machines_by_their_login(machine: Resource, _: Configuration) -> Iterator[str]:
    """People get in to machines by their login alone, and machines start signed software."""
    secure = "secure_boot" if machine.type == TPU_QUEUE else "shieldedInstanceConfig.enableSecureBoot"
    yield from expect(machine, secure, True)
    metadata = machine.at("metadata").entries()
    said = {key: (value.text() or "").upper() for key, value in metadata.items()}
    for key in ("enable-oslogin", "block-project-ssh-keys"):
        if said.get(key) != "TRUE":
            yield f"metadata.{key} is {shown(said.get(key))}"
    if said.get("serial-port-enable", "FALSE") not in ("FALSE", "0"):
        yield "metadata.serial-port-enable is on"
    forwards = "canIpForward" if machine.type == INSTANCE else "networkConfig.canIpForward"
    if machine.type != TPU_QUEUE and machine.at(forwards).flag():
        yield f"{forwards} is true"
