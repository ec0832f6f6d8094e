"""The engine's requests, answered for objects, Helm releases and components of an API server."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.property_value import PropertyValue

from rehearsal.cloud.store import Cloud
from rehearsal.kubernetes import components
from rehearsal.kubernetes import kubeconfig as kubeconfigs
from rehearsal.kubernetes.api import ApiServer
from rehearsal.kubernetes.objects import Difference, NotServed, Objects, Settings, Unready
from rehearsal.kubernetes.releases import RELEASE, Releases
from rehearsal.kubernetes.secret import guarded
from rehearsal.kubernetes.simulated import Simulated
from rehearsal.serve import AT_ONCE, InitialisationFailed
from rehearsal.values import Later, State, plain

VERSION = "4.34.2"
KUBECONFIG_VARIABLE = "AIDC_REHEARSAL_KUBECONFIG"

UPDATE, REPLACE = protocol.PropertyDiffKind.UPDATE, protocol.PropertyDiffKind.UPDATE_REPLACE
HEEDED = (
    *("kubeconfig", "context", "namespace", "enableConfigMapMutable", "enableSecretMutable", "enablePatchForce"),
    "upsertExistingObjects",
)
PASSED = (
    *("suppressDeprecationWarnings", "suppressHelmHookWarnings", "kubeClientSettings", "clusterIdentifier", "version"),
    *("deleteUnreachable", "skipUpdateUnreachable", "helmReleaseSettings", "pluginDownloadURL"),
)
"""These change messages, speed, or what is done when nobody answers."""

REFUSED = {
    "cluster": "choose it with `context`",
    "renderYamlToDirectory": "this stand-in renders nothing to files",
    "alwaysRender": "this stand-in renders nothing to files",
}


class StandIn(protocol.Provider):
    """The Kubernetes provider.

    cloud:       the API server of its cluster is meant, whatever a program says; None is a real one.
    kubeconfig:  of the real one, where a program names none; "" is a new simulated cluster, for previews alone.
    """

    def __init__(self, cloud: Cloud | None, kubeconfig: str = "") -> None:
        self._cloud, self._kubeconfig = cloud, kubeconfig
        self._threads = ThreadPoolExecutor(AT_ONCE, "operation")
        self._objects: Objects | None = None
        self._releases: Releases | None = None

    @property
    def objects(self) -> Objects:
        assert self._objects is not None, "the engine configures a provider first"
        return self._objects

    @property
    def releases(self) -> Releases:
        assert self._releases is not None, "the engine configures a provider first"
        return self._releases

    async def check_config(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        inputs = plain(request.new_inputs)
        failures = [protocol.CheckFailure(name, _wrong_setting(name, value)) for name, value in inputs.items()]
        return protocol.CheckResponse(request.new_inputs, [each for each in failures if each.reason])

    async def diff_config(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        old, new = plain(request.old_state), plain(request.new_inputs)
        changed = sorted(name for name in {**old, **new} if old.get(name) != new.get(name))
        return protocol.DiffResponse(changes=bool(changed), diffs=changed, replaces=[], detailed_diff={})

    async def configure(self, request: protocol.ConfigureRequest) -> protocol.ConfigureResponse:
        said = plain(request.args)
        server, kubeconfig = await self._thread(self._server, said)
        settings = Settings(
            namespace=str(said.get("namespace") or "default"),
            config_maps_change=said.get("enableConfigMapMutable") in ("true", True),
            secrets_change=said.get("enableSecretMutable") in ("true", True),
            force=said.get("enablePatchForce") in ("true", True),
            adopts=said.get("upsertExistingObjects") in ("true", True),
        )
        self._objects = Objects(server, settings)
        self._releases = Releases(self._objects, kubeconfig, said.get("context"))
        return protocol.ConfigureResponse(supports_preview=True, accept_secrets=True)

    async def get_schema(self, request: protocol.GetSchemaRequest) -> protocol.GetSchemaResponse:
        raise NotServed("the stand-in has no schema to write code from; import with --generate-code=false")

    async def invoke(self, request: protocol.InvokeRequest) -> protocol.InvokeResponse:
        raise NotServed(
            f"{request.tok}: this stand-in serves no functions; use yaml/v2, kustomize/v2, helm v3 Release or v4"
        )

    async def construct(self, request: protocol.ConstructRequest) -> protocol.ConstructResponse:
        return await components.construct(self.objects, request)

    async def check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        old, new = plain(request.old_inputs), plain(request.new_inputs)
        kept = self._keeper(request)
        inputs, causes = await self._thread(kept.check, _token(request), request.name, old, new, request.random_seed)
        return protocol.CheckResponse(
            guarded(inputs, request.new_inputs), [protocol.CheckFailure(each.field, each.message) for each in causes]
        )

    async def diff(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        state, inputs = plain(request.old_state), plain(request.new_inputs)
        kept = self._keeper(request)
        found: Difference = await self._thread(kept.diff, state, inputs)
        return protocol.DiffResponse(
            changes=bool(found.paths),
            replaces=found.replacing,
            delete_before_replace=found.old_first,
            diffs=sorted({_top(path) for path in found.paths}),
            detailed_diff={
                path: protocol.PropertyDiff(REPLACE if path in found.replacing else UPDATE, input_diff=False)
                for path in found.paths
            },
        )

    async def create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
        inputs = plain(request.properties)
        kept = self._keeper(request)
        if request.preview:
            return protocol.CreateResponse("", guarded(await self._thread(kept.preview, inputs), request.properties))
        where, state = await self._made(request.properties, kept.create, inputs, request.timeout)
        return protocol.CreateResponse(where, guarded(state, request.properties))

    async def read(self, request: protocol.ReadRequest) -> protocol.ReadResponse:
        known, inputs = plain(request.properties), plain(request.inputs)
        kept = self._keeper(request)
        found = await self._thread(kept.read, _token(request), request.resource_id, known, inputs)
        if found is None:
            return protocol.ReadResponse("")
        state, now = (guarded(each, request.inputs) for each in found)
        return protocol.ReadResponse(request.resource_id, state, now)

    async def update(self, request: protocol.UpdateRequest) -> protocol.UpdateResponse:
        inputs = plain(request.news)
        kept = self._keeper(request)
        if request.preview:
            made = await self._thread(kept.preview, inputs, plain(request.olds))
        else:
            made = await self._made(request.news, kept.update, inputs, request.timeout)
        return protocol.UpdateResponse(guarded(made, request.news))

    async def delete(self, request: protocol.DeleteRequest) -> None:
        kept = self._keeper(request)
        state = plain(request.properties)
        await self._thread(kept.delete, _token(request), request.resource_id, state, request.timeout)

    def _keeper(self, request: Any) -> Objects | Releases:
        """Of what a request is about."""
        return self.releases if _token(request) == RELEASE else self.objects

    def _server(self, said: State) -> tuple[ApiServer, str]:
        """The API server, and the kubeconfig that names it; "" when it is simulated."""
        kubeconfig = said.get("kubeconfig") or self._kubeconfig
        if self._cloud is not None or not kubeconfig or kubeconfig is Later.VALUE:
            return Simulated(self._cloud), ""
        from rehearsal.kubernetes.real import Real  # its client takes a second to load, and is not always needed

        return Real(kubeconfig, said.get("context")), kubeconfig

    async def _made(self, like: Mapping[str, PropertyValue], call: Callable[..., Any], *arguments: Any) -> Any:
        """Whose state, when it is not ready, has the secrets of ``like``."""
        try:
            return await self._thread(call, *arguments)
        except Unready as error:
            state, inputs = guarded(error.state, like), guarded(error.inputs, like)
            raise InitialisationFailed(error.identity, state, inputs, str(error)) from error

    async def _thread(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Aside, as it may wait for long and others must not wait with it."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)


def _token(request: Any) -> str:
    """The type of a resource; that of a child has its parents' before it."""
    return str(request.type.rpartition("$")[2])


def _wrong_setting(name: str, value: Any) -> str:
    """Why the provider cannot be set up so; "" when it can."""
    if name in REFUSED:
        return REFUSED[name]
    if name == "enableServerSideApply":
        return "" if value in ("true", True) else "this stand-in applies on the server's side alone; leave it out"
    if name not in (*HEEDED, *PASSED):
        near = difflib.get_close_matches(name, (*HEEDED, *PASSED), n=1)
        return "no setting of the provider" + (f"; did you mean {near[0]}?" if near else "")
    if name == "kubeconfig" and isinstance(value, str):
        return kubeconfigs.fault(value)
    return ""


def _top(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]
