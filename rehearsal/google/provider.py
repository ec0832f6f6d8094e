"""The engine's requests, answered from the table and the simulated cloud as the vendor's provider answers from Google.

A program's mistakes are told by ``check``, so that a preview stops at them, with the property's path. What only the
cloud can know, such as a name that is taken, is told when it is asked.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.property_value import PropertyValue

from rehearsal.cloud.errors import ApiError, Unfinished, not_enabled
from rehearsal.cloud.store import Cloud, Resource
from rehearsal.google import beside, body, discovery, rules
from rehearsal.google.functions import call
from rehearsal.google.made import digest, digits, render
from rehearsal.google.patience import patiently
from rehearsal.google.table import VARIABLE, Field, NotServed, Row, row
from rehearsal.serve import InitialisationFailed
from rehearsal.values import Later, State, plain, properties

VERSION = "10.2.0"
REFUSAL = "this stand-in for the Google provider makes nothing; it is for previews without credentials"
UPDATE, REPLACE = protocol.PropertyDiffKind.UPDATE, protocol.PropertyDiffKind.UPDATE_REPLACE
Properties = dict[str, PropertyValue]
LABELS = ("labels", "resourceLabels", "userLabels")
PLACES = ("project", "region", "zone", "location")


class StandIn(protocol.Provider):
    """The Google provider over ``cloud``; None is a project in which nothing is and in which nothing is made."""

    def __init__(self, cloud: Cloud | None) -> None:
        self._maybe = cloud
        self._settings: State = {}

    @property
    def _cloud(self) -> Cloud:
        if self._maybe is None:
            raise ApiError("FAILED_PRECONDITION", REFUSAL)
        return self._maybe

    async def configure(self, request: protocol.ConfigureRequest) -> protocol.ConfigureResponse:
        self._settings = plain(request.args)
        return protocol.ConfigureResponse(supports_preview=True)

    async def get_schema(self, request: protocol.GetSchemaRequest) -> protocol.GetSchemaResponse:
        raise NotServed("the stand-in has no schema to write code from; import with --generate-code=false")

    async def check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        kind, inputs = _row(request.type), plain(request.new_inputs)
        declared = dict(request.new_inputs)
        if (named := kind.name_property) and named not in inputs:
            old = plain(request.old_inputs).get(named)
            inputs[named] = old or f"{request.name}-{digest(request.urn).hex()[:7]}"
            declared |= properties({named: inputs[named]})
        if self._maybe is None and inputs.keys() <= {named}:  # adopted: nothing is known of it but its name
            return protocol.CheckResponse(declared)
        placed = self._placed(kind, inputs)
        faults = self._faults(kind, placed)
        return protocol.CheckResponse(declared, [protocol.CheckFailure(each.path, each.reason) for each in faults])

    async def diff(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        if self._maybe is None:  # there is nothing to differ from
            return protocol.DiffResponse(changes=False)
        kind, old = _row(request.type), plain(request.old_state)
        new = self._placed(kind, plain(request.new_inputs))
        paths = [path for known in kind.fields.values() for path in _differences(known, old, new)]
        replacing = [path for path in paths if _replaces(kind, path, old, new)]
        return protocol.DiffResponse(
            changes=bool(paths),
            replaces=sorted({_top(path) for path in replacing}),
            delete_before_replace=bool(replacing) and _stays_called(kind, old, new),
            diffs=sorted({_top(path) for path in paths}),
            detailed_diff={
                path: protocol.PropertyDiff(REPLACE if path in replacing else UPDATE, input_diff=False)
                for path in paths
            },
        )

    async def create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
        kind, inputs = _row(request.type), plain(request.properties)
        placed = self._placed(kind, inputs)
        if request.preview:
            later = dict.fromkeys([name for name in kind.shape.outputs if name not in placed], Later.VALUE)
            return protocol.CreateResponse("", properties({**later, **placed}))
        cloud = self._cloud
        self._permitted(kind, "create", placed)
        self._enabled(kind, placed)
        resource = self._resource(kind, placed)
        self._within_quota(kind, placed)
        in_time(kind, "create", request.timeout)
        adopts = kind["exists"] == "adopted"
        try:
            made = patiently(cloud, lambda: cloud.create(resource, kind.minutes("create"), adopts=adopts))
        except Unfinished as error:
            state = properties(_state(kind, resource, inputs))
            raise InitialisationFailed(resource.id, state, request.properties, str(error)) from error
        return protocol.CreateResponse(made.id, properties(_state(kind, made, inputs)))

    async def read(self, request: protocol.ReadRequest) -> protocol.ReadResponse:
        kind, known = _row(request.type), plain(request.properties)
        if self._maybe is None:  # of what is to be adopted, a preview without a cloud knows the name
            named = properties(
                {kind.name_property: request.resource_id.rpartition("/")[2]} if kind.name_property else {}
            )
            return protocol.ReadResponse(request.resource_id, named, named)
        found = self._cloud.get(kind.token, request.resource_id)
        if found is None and not known:
            found = self._by_any_spelling(kind, request.resource_id)
        if found is None:
            return protocol.ReadResponse("")
        self._permitted(kind, "get", found.address)
        if known:
            old = plain(request.inputs)
            state = _state(kind, found, known)
            inputs = _as_far_as(old, state)
        else:
            state = _state(kind, found, kind.provider)
            inputs = {name: value for name, value in state.items() if name in kind.shape.inputs}
        return protocol.ReadResponse(found.id, properties(state), properties(inputs))

    async def update(self, request: protocol.UpdateRequest) -> protocol.UpdateResponse:
        kind, inputs = _row(request.type), plain(request.news)
        placed = self._placed(kind, inputs)
        if request.preview:
            return protocol.UpdateResponse(properties({**plain(request.olds), **placed}))
        self._permitted(kind, "update", placed)
        there = self._cloud.get(kind.token, request.resource_id)
        if there is None:
            raise ApiError("NOT_FOUND", f"The resource '{request.resource_id}' was not found")
        wanted = self._resource(kind, placed, identity=there.id, before=there)
        in_time(kind, "update", request.timeout)
        if (wanted.body, wanted.address, wanted.uses) != (there.body, there.address, there.uses):
            patiently(self._cloud, lambda: self._cloud.update(wanted, kind.minutes("update")))
        return protocol.UpdateResponse(properties(_state(kind, wanted, inputs)))

    async def delete(self, request: protocol.DeleteRequest) -> None:
        kind, state = _row(request.type), plain(request.properties)
        there = self._cloud.get(kind.token, request.resource_id)
        if there is None:
            return
        self._permitted(kind, "delete", there.address)
        in_time(kind, "delete", request.timeout)
        blocked = "" if self._cloud.fact("lifted") else _kept(kind, state, there)
        if not blocked and (reason := _left(kind, state)):
            self._cloud.leave(there, reason)
            return
        minutes = kind.minutes("delete")
        patiently(self._cloud, lambda: self._cloud.delete(kind.token, there.id, minutes, blocked=blocked))

    async def invoke(self, request: protocol.InvokeRequest) -> protocol.InvokeResponse:
        arguments = {**self._settings, **plain(request.args)}
        number = self._number(arguments["project"]) if self._maybe else None
        return protocol.InvokeResponse(properties(call(request.tok, arguments, number)))

    def _faults(self, kind: Row, inputs: State) -> list[body.Fault]:
        """By the API document; where that has nothing to say, by the rules, which put a pattern in words too."""
        _, faults = body.encode(kind, inputs)
        if not faults:
            return list(rules.faults(kind, inputs, self._maybe))
        words = {each.path: each for each in rules.patterns(kind, inputs)}
        return [words.get(each.path, each) for each in faults]

    # -- what a resource becomes

    def _placed(self, kind: Row, inputs: State) -> State:
        """With the provider's own project and region, where a program gives none."""
        defaults = {name: self._settings[name] for name in PLACES if name in self._settings}
        return {**{name: value for name, value in defaults.items() if name in kind.shape.inputs}, **inputs}

    def _resource(self, kind: Row, inputs: State, *, identity: str = "", before: Resource | None = None) -> Resource:
        """What the cloud keeps. Raises ApiError for what the check could not see yet, and for what is not there."""
        if faults := self._faults(kind, inputs) or list(beside.absent(kind, inputs, self._cloud)):
            raise ApiError("INVALID_ARGUMENT", "; ".join(f"{each.path}: {each.reason}" for each in faults))
        found, _ = body.encode(kind, inputs)
        for path, value in kind.server.items():
            body.fill(found, kind.fields[path], value)
        in_id = VARIABLE.findall(kind.id)
        address = {name: value for name, value in inputs.items() if name in in_id or name in PLACES}
        address |= {name: value for name, value in inputs.items() if kind.fields[name].place == "address"}
        parent = self._parent(kind, inputs)
        uses = self._references(kind, inputs)
        values = {**body.decode(kind, found), **inputs, **address, "number": self._number(address.get("project", ""))}
        if agents := kind["agents"]:
            agent = agents.get(inputs["service"], f"gcp-sa-{inputs['service'].partition('.')[0]}")
            values["agent"] = f"service-{values['number']}@{agent}.iam.gserviceaccount.com"
        if before:
            values |= {"created": before.created, "unique": before.made.get("unique", "")}
        else:
            values |= {"created": self._cloud.now(), "unique": self._unique(kind, values)}
        early = {name: _try(said, values) for name, said in kind.outputs.items()}
        identity = identity or str(render(kind.id, {**early, **values}))
        values["id"] = identity
        made = {"unique": values["unique"], **{name: render(said, values) for name, said in kind.outputs.items()}}
        return Resource(kind.token, identity, address, found, made, parent, tuple(uses), values["created"])

    def _unique(self, kind: Row, values: State) -> str:
        """What the service numbers: another for each that is made, and the same in each rehearsal."""
        if "{unique}" not in kind.id:
            return ""
        name = values.get("displayName") or values.get("dashboardJson")
        taken = {each.made["unique"] for each in self._cloud.all(kind.token)}
        numbers = (digits(19, kind.token, name, count) for count in range(len(taken) + 1))
        return next(number for number in numbers if number not in taken)

    def _number(self, project: str) -> str:
        numbers = self._cloud.fact("numbers")
        return str(numbers.get(project) or digits(12, project))

    def _parent(self, kind: Row, inputs: State) -> str:
        for name, token in (kind["parent"] or {}).items():
            found = self._cloud.find(token, str(inputs[name]))
            if found is None:
                raise _missing(name, inputs[name], token)
            return found.id
        return ""

    def _references(self, kind: Row, inputs: State) -> Iterator[str]:
        """Ids of what it uses; raises ApiError when something it refers to is not there."""
        for path, token in kind.refers.items():
            for value in _at(inputs, path.replace("[]", "").split(".")):
                found = self._cloud.find(token, value)
                if found is None and _is_elsewhere(value, inputs):
                    continue
                if found is None:
                    raise _missing(path, value, token)
                if path in kind.uses:
                    yield found.id

    def _by_any_spelling(self, kind: Row, identity: str) -> Resource | None:
        if not kind.spellings:
            raise ApiError("INVALID_ARGUMENT", f"{kind.token} cannot be imported: its provider has no import for it")
        for each in self._cloud.all(kind.token):
            values = {**body.decode(kind, each.body), **each.made, **each.address, "id": each.id}
            if identity in {_try(spelling, values) for spelling in kind.spellings}:
                return each
        return None

    # -- what the cloud has to say first

    def _permitted(self, kind: Row, verb: str, inputs: State) -> None:
        permission = f"{kind['permission']}.{(kind['verbs'] or {}).get(verb, verb)}"
        if permission in self._cloud.fact("denied"):
            where = f"on project {inputs['project']}" if inputs.get("project") else "on the resource"
            raise ApiError("PERMISSION_DENIED", f"Permission '{permission}' denied {where} (or it may not exist)")

    def _enabled(self, kind: Row, inputs: State) -> None:
        service, project = kind["service"], str(inputs.get("project", self._settings.get("project", "")))
        if service in self._cloud.fact("enabled"):
            return
        if self._cloud.get("gcp:projects/service:Service", f"{project}/{service}") is None:
            raise not_enabled(discovery.title(kind["document"]), service, self._number(project))

    def _within_quota(self, kind: Row, inputs: State) -> None:
        metric, quotas = kind["quota"], self._cloud.fact("quotas")
        if metric in quotas and len(self._cloud.all(kind.token)) >= quotas[metric]:
            raise ApiError("RESOURCE_EXHAUSTED", f"Quota '{metric}' exceeded. Limit: {float(quotas[metric])}", 403)


def _row(token: str) -> Row:
    """Of a type as the engine says it: a child's is prefixed with those of its parents."""
    return row(token.split("$")[-1])


def _state(kind: Row, resource: Resource, alone: State) -> State:
    """The properties of a resource. ``alone``: where those are taken from that live in the provider alone."""
    state: State = {name: value for name, value in resource.made.items() if name in kind.shape.outputs}
    state |= {name: value for name, value in resource.address.items() if name in kind.shape.inputs}
    state |= body.decode(kind, resource.body)
    state |= {name: alone[name] for name in kind.provider if alone.get(name) is not None}
    labels: State = next((state[name] for name in LABELS if name in state), {})
    state |= {name: labels for name in ("effectiveLabels", "pulumiLabels") if name in kind.shape.outputs}
    return {name: _of_kind(kind.shape.outputs.get(name), value) for name, value in state.items()}


def _of_kind(kind: str | None, value: Any) -> Any:
    return int(value) if kind == "integer" and isinstance(value, str) and value.isdigit() else value


def _as_far_as(old: Any, new: Any) -> Any:
    """What ``new`` has of what ``old`` has: a refresh adds nothing to the inputs that the program left out."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {name: _as_far_as(value, new[name]) for name, value in old.items() if name in new}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [_as_far_as(before, after) for before, after in zip(old, new, strict=True)]
    return new


def _differences(known: Field, old: State, new: State) -> Iterator[str]:
    if known.place != "refused":
        yield from body.same(known, old.get(known.name), new.get(known.name))


def _replaces(kind: Row, path: str, old: State, new: State) -> bool:
    plain_path = re.sub(r"\[\d+\]", "", path)
    if plain_path in (kind["shrinks"] or ()):
        return _shrinks(old.get(path), new.get(path))
    return any(each == plain_path or each.startswith(f"{plain_path}.") for each in kind["immutable"] or ())


def _stays_called(kind: Row, old: State, new: State) -> bool:
    """Whether the new one has the old one's name, so that the old one goes first.

    As in Pulumi's bridge, that is known of ``name`` alone: where the name is another property, such as
    ``repositoryId``, the new one is made first, and refused.
    """
    named = kind.name_property
    return named is not None and old.get(named) == new.get(named)


def _shrinks(old: Any, new: Any) -> bool:
    if isinstance(old, str) and isinstance(new, str):
        before, after = ipaddress.ip_network(old, strict=False), ipaddress.ip_network(new, strict=False)
        return not before.subnet_of(after)  # type: ignore[arg-type]
    return isinstance(old, int) and isinstance(new, int) and new < old


def _kept(kind: Row, state: State, there: Resource) -> str:
    """Why it may not be deleted, "" when it may."""
    if state.get("deletionPolicy") == "PREVENT":
        return f"cannot destroy {there.id}: its deletionPolicy is PREVENT. Set it to DELETE and run up first"
    if kind.token == "gcp:container/cluster:Cluster" and state.get("deletionProtection", True):  # noqa: S105
        return f"cannot destroy {there.id}: its deletionProtection is true. Set it to false and run up first"
    if kind["protection"] and there.body.get(kind["protection"]):
        return f"The resource '{there.id}' has deletion protection enabled. Disable it and try again"
    if there.made.get("objects") and not state.get("forceDestroy"):
        return f"The bucket you tried to delete is not empty: {there.id} holds {there.made['objects']} objects"
    return ""


def _left(kind: Row, state: State) -> str:
    """Why it stays in the project though it was deleted, "" when it goes."""
    if kind["stays"]:
        return str(kind["stays"])
    for name, value in (kind["keeps"] or {}).items():
        if state.get(name) == value:
            return f"{name} is {str(value).lower()}"
    return "deletionPolicy is ABANDON" if state.get("deletionPolicy") == "ABANDON" else ""


def in_time(kind: Row, verb: str, seconds: float) -> None:
    """Raises ApiError when an operation takes longer than the program lets it. ``seconds``: 0 for no limit."""
    if seconds and kind.minutes(verb) * 60 > seconds:
        raise ApiError(
            "DEADLINE_EXCEEDED",
            f"{verb} takes about {kind.minutes(verb):g} minutes, and the program waits {seconds / 60:g}",
        )


def _missing(path: str, value: Any, token: str) -> ApiError:
    return ApiError("NOT_FOUND", f"{path}: the {token.rpartition(':')[2]} '{value}' was not found")


def _is_elsewhere(value: Any, inputs: State) -> bool:
    """Whether a reference leads to another project, of which the rehearsal knows nothing, or to what Google makes."""
    text = str(value)
    named = re.search(r"projects/([^/]+)/", text)
    project = inputs.get("project")
    return bool(named and project and named[1] != project) or text.endswith("-compute@developer.gserviceaccount.com")


def _at(value: Any, steps: list[str]) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _at(each, steps)
    elif not steps:
        if isinstance(value, str) and value:
            yield value
    elif isinstance(value, dict) and steps[0] in value:
        yield from _at(value[steps[0]], steps[1:])


def _try(template: Any, values: State) -> Any:
    try:
        return render(template, values)
    except (KeyError, StopIteration):
        return None


def _top(path: str) -> str:
    return re.split(r"[.\[]", path, maxsplit=1)[0]
