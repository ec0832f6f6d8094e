"""Queued resources: asked for, found again after an interruption, followed, and deleted with or without their nodes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

from infra.plugin.handler import Handler, Mistake, ProviderError, State, Talk, Unfinished
from infra.tpu_queue.plugin import check, spec
from infra.tpu_queue.plugin.api import Api, Json
from infra.tpu_queue.plugin.errors import ApiError
from infra.tpu_queue.plugin.pace import Deadline, News, Pace
from infra.tpu_queue.resource import QueuedResource

ACCEPT_SECONDS = 20 * 60
"""Time to get into the queue, or out of it with all nodes; the TPU API's own tools allow as much."""

ACTIVE_SECONDS = 24 * 3600
READ_SECONDS = 120

UNDECIDED = ("STATE_UNSPECIFIED", "CREATING")
WAITS = {"WAITING_FOR_RESOURCES": "in the queue until there is capacity, which may take days"}


class QueuedResourceHandler(Handler):
    outputs = QueuedResource.OUTPUTS
    volatile = ("state", "state_detail", "endpoints")
    defaults: ClassVar[State] = spec.DEFAULTS
    delete_before_replace = True  # the id is the name

    def __init__(self, pace: Pace | None = None) -> None:
        """pace: of the environment when left out."""
        self._given_pace = pace
        self._cancelled = threading.Event()

    @cached_property
    def _pace(self) -> Pace:
        return self._given_pace or Pace.of_environment()

    def check(self, inputs: State) -> Iterator[Mistake]:
        return check.mistakes(inputs)

    def differences(self, old: State, new: State) -> Iterator[str]:
        return spec.same_difference(old, new)

    def replaces(self, path: str) -> bool:
        return path not in spec.LOCAL  # the API has no PATCH for queued resources

    def identity(self, name: str, state: State) -> str:
        return spec.name(state)

    def concern(self, state: State) -> str | None:
        detail = f" ({state['state_detail']})" if state["state_detail"] else ""
        again = "To request it again: pulumi up --replace URN, with the URN that `pulumi stack --show-urns` lists"
        match state["state"]:
            case "FAILED":
                return f"{state['name']} has FAILED{detail} and will get no nodes. {again}"
            case "SUSPENDED" | "SUSPENDING":
                return f"{state['name']} is {state['state']}{detail}: its nodes are gone and do not come back. {again}"
        return None

    def news(self, old: State, new: State) -> str | None:
        return None if old["state"] == new["state"] else f"was {old['state']}, is {new['state']}"

    def create(self, name: str, inputs: State, talk: Talk) -> State:
        deadline = Deadline(talk.seconds or (ACTIVE_SECONDS if inputs["wait_for"] == "active" else ACCEPT_SECONDS))
        with self._api(deadline) as api:
            operation = self._ask(api, inputs, talk, deadline)
            return self._follow(api, inputs, operation, talk, deadline)

    def read(self, name: str, state: State) -> State | None:
        with self._api(Deadline(READ_SECONDS)) as api:
            resource = api.get(state["name"])
            if resource is None:
                return None
            inputs = state
            if _made_anew(resource, state):
                kept = {key: state[key] for key in spec.LOCAL}
                inputs = {**spec.inputs_of(resource, state["name"]), **kept}
            return self._state(api, inputs, resource)

    def adopt(self, identity: str) -> tuple[State, State] | None:
        spec.place(identity)
        with self._api(Deadline(READ_SECONDS)) as api:
            resource = api.get(identity)
            if resource is None:
                return None
            inputs = spec.inputs_of(resource, identity)
            return inputs, self._state(api, inputs, resource)

    def update(self, name: str, state: State, inputs: State, talk: Talk) -> State:
        """Asks nothing of the API; looks at the request only to wait for it."""
        reached = state["state"] not in UNDECIDED
        if inputs["wait_for"] == "active" and state["force_delete"] == inputs["force_delete"]:
            reached = state["state"] == "ACTIVE"
        if reached:
            return {**state, **inputs}
        deadline = Deadline(talk.seconds or ACTIVE_SECONDS)
        with self._api(deadline) as api:
            return self._follow(api, inputs, None, talk, deadline)

    def delete(self, name: str, state: State, talk: Talk) -> None:
        deadline = Deadline(talk.seconds or ACCEPT_SECONDS)
        news = News(talk, self._pace)
        with self._api(deadline) as api:
            resource = api.get(state["name"])
            if resource is not None and _made_anew(resource, state):
                raise ProviderError(
                    f"{state['name']} was made at {resource['createTime']}, and the one to delete at "
                    f"{state['create_time']}: somebody made it anew. To delete it, run: pulumi refresh; and again"
                )
            self._delete(api, state["name"], state["force_delete"], news, deadline)

    def cancel(self) -> None:
        self._cancelled.set()

    def _api(self, deadline: Deadline) -> Api:
        return Api(deadline, self._pace, self._cancelled)

    def _pause(self, deadline: Deadline, what: str) -> None:
        """Until the next look. Raises ProviderError when the time is up."""
        if deadline.left < self._pace.poll_seconds:
            raise ProviderError(
                f"{what} within {deadline.seconds:g} s. The next up or destroy goes on from here; "
                "custom_timeouts gives it longer"
            )
        self._pace.sleep(self._pace.poll_seconds, self._cancelled)

    def _ask(self, api: Api, inputs: State, talk: Talk, deadline: Deadline) -> Json | None:
        """The operation of the request; None when an earlier `up` that was cut off has made this very request."""
        body, name = spec.body(inputs, talk.urn), spec.name(inputs)
        while True:
            try:
                return api.create(spec.parent(inputs), inputs["queued_resource_id"], body)
            except ApiError as error:
                if error.status != "ALREADY_EXISTS":
                    raise
            there = api.get(name)
            if there is None or spec.state_of(there) == "DELETING":
                talk.progress("an earlier request of this name is being deleted")
                self._pause(deadline, f"an earlier {name} was not gone")
            elif spec.mark(there) == spec.mark(body):
                talk.info("found the request that an earlier up made; going on with it")
                return None
            else:
                raise ProviderError(_occupied(name, made_by_us=spec.made_by(talk.urn, there)))

    def _follow(self, api: Api, inputs: State, operation: Json | None, talk: Talk, deadline: Deadline) -> State:
        """The state of a request that was made, once it is where ``wait_for`` wants it.

        Raises Unfinished, with the state, when it does not get there.
        """
        name, news = spec.name(inputs), News(talk, self._pace)
        seen: Json = {"state": {"state": "CREATING"}}
        failure: ApiError | None = None
        try:
            while True:
                operation, failure = _polled(api, operation, f"create {name}")
                resource = api.get(name)
                if resource is not None:
                    seen = resource
                    news.tell(spec.state_of(resource), WAITS.get(spec.state_of(resource), ""))
                elif failure is None and operation is None:
                    raise _Gone(f"{name} is gone: somebody deleted it")
                if failure is not None:
                    raise failure if resource is not None else _Gone(str(failure))
                if resource is not None and _arrived(name, resource, inputs["wait_for"]):
                    return self._state(api, inputs, resource)
                self._pause(deadline, f"{name} was {spec.state_of(seen)} and not {inputs['wait_for']}")
        except _Gone:
            raise
        except ProviderError as error:
            raise Unfinished(str(error), {**inputs, **spec.outputs_of(seen, inputs)}) from error

    def _delete(self, api: Api, name: str, force: bool, news: News, deadline: Deadline) -> None:
        """Until there is nothing of that name. A deletion that is under way is joined."""
        operation: Json | None = None
        asked = False
        while (resource := api.get(name)) is not None:
            state = spec.state_of(resource)
            news.tell(state, "")
            try:
                if operation is not None:
                    operation, failure = _polled(api, operation, f"delete {name}")
                    if failure is not None:
                        raise failure
                elif state != "DELETING" and not asked:
                    operation, asked = api.delete(name, force=force), True
            except ApiError as error:
                if error.status == "ABORTED":  # another operation on it is running
                    asked = False
                elif error.status == "FAILED_PRECONDITION" and not force:
                    raise ProviderError(
                        f"{error}\n  With force_delete = True a delete removes its nodes too: set it, run pulumi up, "
                        "and delete again. Or delete the nodes first"
                    ) from error
                else:
                    raise
            self._pause(deadline, f"{name} was {state} and not gone")

    def _state(self, api: Api, inputs: State, resource: Json) -> State:
        state = {**inputs, **spec.outputs_of(resource, inputs)}
        if state["state"] == "ACTIVE":
            nodes = {node.rpartition("/")[2]: api.get(node) or {} for node in state["nodes"]}
            state["endpoints"] = {
                node: [each["ipAddress"] for each in answer.get("networkEndpoints", []) if "ipAddress" in each]
                for node, answer in nodes.items()
            }
        return state


class _Gone(ProviderError):
    """There is no request, and so nothing for the engine to keep."""


def _polled(api: Api, operation: Json | None, what: str) -> tuple[Json | None, ApiError | None]:
    """The operation, or None once it is done; and its error, if it has one."""
    if operation is None:
        return None, None
    if not operation.get("done"):
        operation = api.operation(operation["name"])
    if operation is None or not operation.get("done"):
        return operation, None
    return None, ApiError(operation["error"], what) if "error" in operation else None


def _arrived(name: str, resource: Json, wait_for: str) -> bool:
    """Raises ProviderError when it will never arrive."""
    state = spec.state_of(resource)
    if state in UNDECIDED:
        return False
    if state in ("FAILED", "DELETING") or (wait_for == "active" and state == "SUSPENDED"):
        error: dict[str, Any] = resource["state"].get("failedData", {}).get("error", {"message": f"it is {state}"})
        raise ApiError(error, f"get nodes for {name}")
    return wait_for == "accepted" or state == "ACTIVE"


def _made_anew(resource: Json, state: State) -> bool:
    """Whether the name belongs to another request than the one of the state."""
    before, now = state["create_time"], resource.get("createTime", "")
    return bool(before and now and before != now)


def _occupied(name: str, *, made_by_us: bool) -> str:
    if made_by_us:
        project, zone, request = spec.place(name)
        return (
            f"{name} is there, made by an up that was cut off, from another specification.\n"
            "  Put the program back as it was for one up, or delete the request: "
            f"gcloud compute tpus queued-resources delete {request} --zone={zone} --project={project} --force"
        )
    return (
        f"{name} is there, and this resource did not make it.\n"
        f"  Use another queued_resource_id; or take it over: "
        f"pulumi import {QueuedResource.TYPE} NAME {name} --generate-code=false"
    )
