"""Declares resources without an engine or a cloud, and says what was declared.

Every call has an event loop of its own, and the mocks answer as the provider would as far as the project relies on it:
an id, a name, an e-mail address, a link. What a program declares can thus be read as plain data. The one function that
the program calls is answered too; any other is refused, since a preview without credentials could not ask it.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime import mocks, rpc, settings, stack
from pulumi.runtime.proto import resource_pb2

PROJECT, STACK = "ai-datacenter", "test"
STACK_TYPE = "pulumi:pulumi:Stack"

A_NUMBER = "123456789012"

BUCKETS_AGENT = "gcp:storage/getProjectServiceAccount:getProjectServiceAccount"


@dataclass(frozen=True)
class Declared:
    """One resource as the engine would be told of it.

    inputs:          camelCase, as a policy sees them; a value that is not known before the deployment is missing.
    parent:          URN of the parent, empty below the stack.
    timeouts:        of create, update and delete; empty where the default holds.
    replace_on_changes, delete_before_replace:  what the engine replaces though the provider would not, and how.
    imports:         id of the existing resource that is taken over, empty for a new one.
    provider:        URN and id of an explicit provider, empty for a component.
    """

    type: str
    name: str
    urn: str
    inputs: dict[str, Any]
    custom: bool
    protect: bool
    parent: str
    provider: str
    imports: str
    deleted_with: str
    timeouts: dict[str, str] = field(default_factory=dict)
    ignore_changes: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    delete_before_replace: bool = False


def declare(build: Callable[[], object], *, preview: bool = False, stack_name: str = STACK) -> list[Declared]:
    """Everything that ``build`` declares, in the order of registration.

    preview: whether ids, and all outputs that are not inputs too, are unknown, as `pulumi preview` has them.
    """

    def program() -> None:
        build()

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    monitor = _Monitor(_Provider(preview), stack_name)
    gc.disable()  # it would look through all of pulumi_gcp again and again, which takes as long as the rest
    try:
        settings.set_root_resource(None)  # type: ignore[arg-type]
        mocks.set_mocks(monitor.mocks, project=PROJECT, stack=stack_name, preview=preview, monitor=monitor)
        loop.run_until_complete(stack.run_pulumi_func(program))
    finally:
        settings.set_root_resource(None)  # type: ignore[arg-type]
        settings.reset_options()
        loop.close()
        asyncio.set_event_loop(None)
        gc.enable()
    return monitor.declared


def of_type(declared: list[Declared], type_: str) -> list[Declared]:
    """The resources of one type, such as ``gcp:storage/bucket:Bucket``; at least one."""
    found = [each for each in declared if each.type == type_]
    assert found, f"no {type_}; there are {sorted({each.type for each in declared})}"
    return found


class _Provider(mocks.Mocks):
    def __init__(self, preview: bool) -> None:
        self._preview = preview

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = args.inputs
        if self._preview or not args.custom:
            return "", inputs
        project = inputs.get("project", "project")
        id_ = args.resource_id or f"projects/{project}/{args.name}"
        outputs = {"name": args.name, "selfLink": f"https://www.googleapis.com/{id_}", **inputs}
        if args.typ == "gcp:serviceaccount/account:Account":
            email = f"{inputs['accountId']}@{project}.iam.gserviceaccount.com"
            name = f"projects/{project}/serviceAccounts/{email}"
            outputs |= {"email": email, "member": f"serviceAccount:{email}", "name": name, "uniqueId": A_NUMBER}
        if args.typ == "gcp:projects/serviceIdentity:ServiceIdentity":
            agent = inputs["service"].partition(".")[0]
            email = f"service-{A_NUMBER}@gcp-sa-{agent}.iam.gserviceaccount.com"
            outputs |= {"email": email, "member": f"serviceAccount:{email}"}
        if args.typ == "gcp:storage/bucket:Bucket":
            id_ = inputs["name"]
            outputs["url"] = f"gs://{inputs['name']}"
        if args.typ == "aidc-tpu:index:QueuedResource":
            outputs["state"] = "WAITING_FOR_RESOURCES"
        if args.typ == "gcp:monitoring/notificationChannel:NotificationChannel":
            outputs["name"] = id_
        if args.typ == "gcp:logging/projectSink:ProjectSink":
            outputs["writerIdentity"] = f"serviceAccount:service-{A_NUMBER}@gcp-sa-logging.iam.gserviceaccount.com"
        return id_, outputs

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        assert args.token == BUCKETS_AGENT, f"{args.token} asks the cloud; a preview must not need to"
        email = f"service-{A_NUMBER}@gs-project-accounts.iam.gserviceaccount.com"
        return {"emailAddress": email, "member": f"serviceAccount:{email}", "project": args.args["project"]}


class _Monitor(mocks.MockMonitor):
    def __init__(self, provider: mocks.Mocks, stack_name: str) -> None:
        super().__init__(provider)
        self._stack_name = stack_name
        self.declared: list[Declared] = []

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine makes it, with the types of all ancestors below the stack."""
        above = _qualified(parent)
        qualified = f"{above}${type_}" if above not in ("", STACK_TYPE) else type_
        return f"urn:pulumi:{self._stack_name}::{PROJECT}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        answer = super().RegisterResource(request)
        if request.type != STACK_TYPE:
            limits = request.customTimeouts
            self.declared.append(
                Declared(
                    type=request.type,
                    name=request.name,
                    urn=answer.urn,
                    inputs=rpc.deserialize_properties(request.object),
                    custom=request.custom,
                    protect=request.protect,
                    parent="" if _qualified(request.parent) == STACK_TYPE else request.parent,
                    provider=request.provider,
                    imports=request.importId,
                    deleted_with=request.deletedWith,
                    timeouts={
                        key: value for key in ("create", "update", "delete") if (value := getattr(limits, key, ""))
                    },
                    ignore_changes=tuple(request.ignoreChanges),
                    depends_on=tuple(sorted(request.dependencies)),
                    replace_on_changes=tuple(request.replaceOnChanges),
                    delete_before_replace=request.deleteBeforeReplace,
                )
            )
        return answer


def _qualified(urn: str) -> str:
    """The types in a URN, "" for none."""
    return urn.split("::")[2] if urn else ""
