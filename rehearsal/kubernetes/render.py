"""Objects out of YAML, Helm charts and kustomize directories."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml

from rehearsal.kubernetes.api import Json, Refused
from toolchain.kubernetes import tools


class Loader(yaml.SafeLoader):
    """Leaves what looks like a date a string, as the API server's YAML does."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def objects(text: str, origin: str) -> list[Json]:
    """Those of a stream of documents, lists taken apart. Raises Refused when one is no object; ``origin`` is named."""
    try:
        documents = list(yaml.load_all(text, Loader))
    except yaml.YAMLError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"{origin}: no YAML: {error}") from error
    found: list[Json] = []
    for each in documents:
        if not each:
            continue
        if not isinstance(each, dict) or not each.get("kind") or not each.get("apiVersion"):
            raise Refused(
                HTTPStatus.BAD_REQUEST, f"{origin}: an object has apiVersion and kind, and this has not: {each!r:.100}"
            )
        found += each["items"] if each["kind"].endswith("List") and isinstance(each.get("items"), list) else [each]
    for each in found:
        if not (each.get("metadata") or {}).get("name"):
            raise Refused(
                HTTPStatus.BAD_REQUEST, f"{origin}: an object has metadata.name, and this has not: {each!r:.100}"
            )
    return found


def files(paths: Iterable[str]) -> list[Json]:
    """Of files, by path or pattern. Raises Refused when there is none."""
    found: list[Json] = []
    for said in paths:
        if "://" in said:
            raise Refused(
                HTTPStatus.BAD_REQUEST,
                f"file {said}: nothing is fetched from the network; keep a copy beside the program",
            )
        there = [Path(said)] if Path(said).is_file() else sorted(Path().glob(said)) if "*" in said else []
        if not there:
            raise Refused(HTTPStatus.BAD_REQUEST, f"file {said}: is not there (the program's folder is {Path.cwd()})")
        for each in there:
            found += objects(each.read_text(), str(each))
    return found


def directory(path: str) -> list[Json]:
    """Of a kustomize directory. Raises Refused with what kustomize says."""
    return objects(_run([str(tools.kustomize()), "build", path]), path)


def chart(said: Json, name: str, namespace: str, version: str, apis: Iterable[str]) -> list[Json]:
    """What a chart's templates make, without hooks. Raises Refused with what Helm says.

    said:     the inputs of a Release or a Chart.
    version:  of Kubernetes; ``apis``: what it serves, such as ``batch/v1/Job``.
    """
    served = [word for each in apis for word in ("--api-versions", each)]
    words = [
        "template",
        name,
        *chart_words(said),
        "--namespace",
        namespace,
        "--no-hooks",
        "--kube-version",
        version,
        *served,
    ]
    return objects(helm([*words, "--values", "-"], values=said.get("values") or {}), str(said.get("chart")))


def definitions(said: Json) -> list[Json]:
    """What is in the ``crds`` folder of a chart: installed once, never upgraded, never removed by Helm."""
    if said.get("skipCrds"):
        return []
    return objects(helm(["show", "crds", *chart_words(said)]), str(said.get("chart")))


def chart_words(said: Json) -> list[str]:
    """The chart and where it is from, as Helm's arguments."""
    options = said.get("repositoryOpts") or {}
    words = [str(said["chart"])]
    words += ["--version", str(said["version"])] if said.get("version") else []
    words += ["--repo", str(options["repo"])] if options.get("repo") else []
    return words


def helm(words: list[str], *, values: Any = None, kubeconfig: str = "") -> str:
    """What Helm prints. Raises Refused with what it says."""
    home = Path(tempfile.gettempdir()) / f"helm-{os.getuid()}"
    folders = {f"HELM_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
    surroundings = {**{name: value for name, value in os.environ.items() if name != "KUBECONFIG"}, **folders}
    if kubeconfig:
        surroundings["KUBECONFIG"] = kubeconfig
    return _run([str(tools.helm()), *words], surroundings, None if values is None else yaml.safe_dump(values))


def _run(words: list[str], surroundings: dict[str, str] | None = None, said: str | None = None) -> str:
    done = subprocess.run(words, env=surroundings, input=said or "", capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().removeprefix("Error: ")
        raise Refused(HTTPStatus.BAD_REQUEST, f"{Path(words[0]).name} {words[1]}: {reason[-2000:]}")
    return done.stdout
