"""Mistakes in the resources of a stack, one property at a time: all that Google would refuse, and what it would take.

``mutations.yaml`` and ``alternatives.yaml`` say by type and path what to flip, from Google's documentation. Five sorts
of mistakes need no such knowledge and are made here: a misspelt property, a value of another type, a slip in an
enumeration's word, a range of addresses that is taken, and a network beside a subnetwork of another. None of this looks
at the rules that it is there to test.

``python -m tests.rehearsal.mutations`` brings the stacks up in a simulated cloud, tries everything, and prints how many
of each kind are refused.
"""

from __future__ import annotations

import copy
import fnmatch
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from rehearsal import cycle
from rehearsal.cloud.errors import ApiError
from rehearsal.cloud.store import Cloud
from rehearsal.google.table import row
from tests.rehearsal.conftest import SAMPLES, STACKS, Driver

HERE = Path(__file__).parent
STEP = re.compile(r"([^.\[\]]+)(\[\d*\])?")
WORD = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
NUMBER = "100000000001"
ELSEWHERE = {"us-central1": "us-east1", "europe-west4": "europe-west1"}

TEXTS = {
    *("labels", "userLabels", "resourceLabels", "metadata", "attributeMapping"),
    *("nodeConfig.labels", "nodeConfig.resourceLabels", "nodeConfig.metadata"),
}
"""Mappings whose keys are the user's own, and which are no place for a misspelt name."""

NO_WORDS = {"location", "metadata.*", "deletionPolicy"}
"""In capitals, and yet no word of an enumeration that is checked: a bucket's location is flipped elsewhere, metadata is
free, and the provider's own ``deletionPolicy`` has no list of values in its schema."""

NETWORK = "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
ADDRESS = "gcp:compute/globalAddress:GlobalAddress"

Json = dict[str, Any]


@dataclass(frozen=True)
class Given:
    """A resource of a stack, as the engine keeps it."""

    urn: str
    token: str
    inputs: Json


@dataclass(frozen=True)
class Stack:
    """What is up.

    settings:  of the provider, such as its project.
    facts:     what the simulated cloud is told beforehand.
    """

    name: str
    resources: list[Given]
    settings: Json
    facts: Json


@dataclass(frozen=True)
class Mutation:
    """One property of one resource, flipped.

    path:    such as ``nodeConfig.taints[0].key``.
    old:     None where it was not set.
    new:     None where it is taken out.
    source:  who says that it is refused, or taken.
    """

    stack: str
    kind: str
    given: Given
    path: str
    old: Any
    new: Any
    inputs: Json
    source: str

    @property
    def told(self) -> str:
        """As a list of survivors says it."""
        said = "taken out" if self.new is None else str(self.new)
        short = said if len(said) <= SHORT else f"{said[:SHORT]}... of {len(said)}"
        return f"{self.given.token.removeprefix('gcp:')} {self.path} = {short}"


SHORT = 100


def stack_of(name: str, state: Iterable[Json]) -> Stack:
    """What an engine's state holds of the Google provider, in the order of its making."""
    resources, settings = [], {}
    for each in state:
        if each["type"] == "pulumi:providers:gcp":
            settings = {key: value for key, value in each["inputs"].items() if key in ("project", "region")}
        elif each["type"].startswith("gcp:"):
            resources.append(Given(each["urn"], each["type"], _without_marks(each["inputs"])))
    return Stack(name, resources, settings, {"numbers": {settings["project"]: NUMBER}})


def samples(said: list[Json]) -> Stack:
    """One resource of each type, in a project in which every API is enabled."""
    resources = [Given(each["type"], each["type"], each["inputs"]) for each in said]
    enabled = sorted({row(each.token)["service"] for each in resources})
    return Stack("samples", resources, {}, {"numbers": {"example-project": NUMBER}, "enabled": enabled})


def mutations(stack: Stack) -> list[Mutation]:
    """All mistakes in a stack's resources; the same for the same stack, in whatever order an engine made it."""
    stack = _by_name(stack)
    beside = [make(stack) for make in (_overlaps, _mismatches)]
    found = list(chain(_from_file("mutations.yaml", stack), *beside))
    for make in (_misspelt, _of_another_type, _slips):
        seen: dict[tuple[str, str, str], Mutation] = {}
        for each in chain.from_iterable(make(stack, given) for given in stack.resources):
            seen.setdefault((each.given.token, re.sub(r"\[\d+\]", "[]", each.path), str(each.new)), each)
        found += seen.values()
    return found


def alternatives(stack: Stack) -> list[Mutation]:
    """Other values that Google takes."""
    return list(_from_file("alternatives.yaml", _by_name(stack)))


def _by_name(stack: Stack) -> Stack:
    return replace(stack, resources=sorted(stack.resources, key=lambda each: each.urn))


class Trial:
    """A cloud that a stack is up in, in which each mutation is tried on its own.

    folder:  for the cloud's files; it is there.
    """

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._settings = stack.settings
        self._offline = Driver(None, stack.settings)
        self._base, self._copy = folder / "base.sqlite", folder / "copy.sqlite"
        cloud = Cloud(self._base)
        for name, value in stack.facts.items():
            cloud.set_fact(name, value)
        driver = Driver(cloud, stack.settings)
        self._ids = {each.urn: driver.create(each.token, each.inputs)[0] for each in stack.resources}
        cloud.close()

    def refusal(self, given: Given, inputs: Json) -> str:
        """Why ``inputs`` are refused in the place of ``given``, with all others there; "" when they are not."""
        if found := self._offline.check(given.token, inputs):
            return _first(found)
        self._copy.unlink(missing_ok=True)
        shutil.copyfile(self._base, self._copy)
        cloud = Cloud(self._copy)
        try:
            cloud.vanish(given.token, self._ids[given.urn])
            driver = Driver(cloud, self._settings)
            if found := driver.check(given.token, inputs):
                return _first(found)
            driver.create(given.token, inputs)
        except ApiError as error:
            return str(error)
        finally:
            cloud.close()
        return ""


def _first(found: dict[str, str]) -> str:
    path, reason = next(iter(found.items()))
    return f"{path}: {reason}"


# -- from the files


def _from_file(name: str, stack: Stack) -> Iterator[Mutation]:
    for said in yaml.safe_load((HERE / name).read_text()):
        paths = said["path"] if isinstance(said["path"], list) else [said["path"]]
        for path in paths:
            fitting = [each for each in stack.resources if _fits(said, path, each)]
            for given in fitting if said.get("each") else _first_of_each_type(fitting):
                yield from _said(said, path, stack, given)


def _fits(said: Json, path: str, given: Given) -> bool:
    name = given.token.removeprefix("gcp:")
    if not any(fnmatch.fnmatchcase(name, each) for each in said["types"]):
        return False
    for where, value in said.get("where", {}).items():
        found = _at(given.inputs, _numbered(where))
        if found is None or not re.fullmatch(str(value), str(found)):
            return False
    there = _at(given.inputs, _numbered(path))
    if "add" in said:
        return _at(given.inputs, _holder(_numbered(path))) is not None
    return there is not None and there != {}


def _first_of_each_type(fitting: list[Given]) -> list[Given]:
    return list({each.token: each for each in reversed(fitting)}.values())[::-1]


def _said(said: Json, path: str, stack: Stack, given: Given) -> Iterator[Mutation]:
    where = _numbered(path)
    old = _at(given.inputs, where)
    values = [None] if said.get("remove") else said.get("to") or said["add"]
    for value in values:
        new = _rendered(value, old, given)
        if new != old:
            inputs = _with(given.inputs, where, new)
            yield Mutation(stack.name, said["kind"], given, where, old, new, inputs, said["source"])


def _rendered(value: Any, old: Any, given: Given) -> Any:
    if isinstance(value, dict):
        return {_rendered(key, old, given): _rendered(each, old, given) for key, each in value.items()}
    if isinstance(value, list):
        return [_rendered(each, old, given) for each in value]
    if not isinstance(value, str):
        return value
    text = str(old)
    others = {"elsewhere": _elsewhere(text), "domain": text.partition("@")[2], "project": given.inputs.get("project")}
    return value.format(old=old, a="", **others)


def _elsewhere(text: str) -> str:
    for region, other in ELSEWHERE.items():
        text = text.replace(region, other)
    return text


# -- of every property


def _misspelt(stack: Stack, given: Given) -> Iterator[Mutation]:
    """A letter too much in a property's name."""
    for path, _ in _leaves(given.inputs, with_holders=True):
        *_, last = re.split(r"[.\]]", path)
        plain = re.sub(r"\[\d+\]", "", path)
        if not last or any(plain.startswith(f"{each}.") for each in TEXTS):
            continue
        wrong = path[: len(path) - len(last)] + last[:2] + last[1:]
        old = _at(given.inputs, path)
        inputs = _with(_with(given.inputs, path, None), wrong, old)
        yield Mutation(stack.name, "misspelt property", given, wrong, None, old, inputs, "the provider's schema")


def _of_another_type(stack: Stack, given: Given) -> Iterator[Mutation]:
    """Words for numbers and for true or false, a mapping for a text, a text for a list or a mapping."""
    for path, old in _leaves(given.inputs, with_holders=True):
        if any(re.sub(r"\[\d+\]", "", path).startswith(f"{each}.") for each in TEXTS):
            continue
        new: Any = {"wrong": "type"} if isinstance(old, str) else "wrong type"
        inputs = _with(given.inputs, path, new)
        yield Mutation(stack.name, "wrong type", given, path, old, new, inputs, "the provider's schema")


def _slips(stack: Stack, given: Given) -> Iterator[Mutation]:
    """An enumeration's word with a letter too much, and one that is of no enumeration."""
    for path, old in _leaves(given.inputs):
        plain = re.sub(r"\[\d+\]", "", path)
        is_word = isinstance(old, str) and WORD.fullmatch(old) and len(old) > 1
        if not is_word or any(fnmatch.fnmatchcase(plain, each) for each in NO_WORDS):
            continue
        for new in (f"{old}{old[-1]}", "SOMETHING_ELSE"):
            inputs = _with(given.inputs, path, new)
            yield Mutation(
                stack.name, "wrong enumeration", given, path, old, new, inputs, "the REST reference of the type"
            )


# -- what is wrong only beside something else


def _overlaps(stack: Stack) -> Iterator[Mutation]:
    """Ranges that another subnetwork of the same network has, or the same one."""
    subnetworks = [each for each in stack.resources if each.token == SUBNETWORK]
    source = "VPC, 'Subnets'; no two ranges of a network overlap"
    for given in subnetworks:
        network = given.inputs["network"]
        others = [each for each in subnetworks if each.inputs["network"] == network and each is not given]
        taken = [each.inputs["ipCidrRange"] for each in others[:2]]
        taken += [each["ipCidrRange"] for each in given.inputs.get("secondaryIpRanges", ())]
        for new in taken:
            inputs = _with(given.inputs, "ipCidrRange", new)
            yield Mutation(
                stack.name, "overlap", given, "ipCidrRange", given.inputs["ipCidrRange"], new, inputs, source
            )
        if given.inputs.get("secondaryIpRanges"):
            path = "secondaryIpRanges[0].ipCidrRange"
            inputs = _with(given.inputs, path, given.inputs["ipCidrRange"])
            old = _at(given.inputs, path)
            yield Mutation(stack.name, "overlap", given, path, old, given.inputs["ipCidrRange"], inputs, source)
            twice = "secondaryIpRanges[1].rangeName"
            if (name := _at(given.inputs, twice)) is not None:
                new = _at(given.inputs, "secondaryIpRanges[0].rangeName")
                yield Mutation(stack.name, "overlap", given, twice, name, new, _with(given.inputs, twice, new), source)
    for given in (each for each in stack.resources if each.token == ADDRESS):
        for other in subnetworks:
            if other.inputs["network"] == given.inputs.get("network"):
                new = other.inputs["ipCidrRange"].partition("/")[0]
                inputs = _with(given.inputs, "address", new)
                yield Mutation(stack.name, "overlap", given, "address", given.inputs["address"], new, inputs, source)


def _mismatches(stack: Stack) -> Iterator[Mutation]:
    """A network that the subnetwork beside it is not in."""
    networks = [each for each in stack.resources if each.token == NETWORK]
    source = "the REST reference of the type; the subnetwork belongs to the network"
    for given in stack.resources:
        for holder in ("", "networkConfig.", "networkConfig.additionalNodeNetworkConfigs[0]."):
            path, old = f"{holder}network", _at(given.inputs, f"{holder}network")
            if old is None or _at(given.inputs, f"{holder}subnetwork") is None:
                continue
            name = str(old).rpartition("/")[2]
            for other in [each.inputs["name"] for each in networks if each.inputs["name"] != name][:1]:
                new = str(old).removesuffix(name) + other
                inputs = _with(given.inputs, path, new)
                yield Mutation(stack.name, "network of another", given, path, old, new, inputs, source)


# -- places in inputs


def _leaves(value: Any, path: str = "", *, with_holders: bool = False) -> Iterator[tuple[str, Any]]:
    """Paths and values of all that is set, items of lists by number; ``with_holders`` with lists and mappings."""
    if value is None:
        return
    inside: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        inside = [(f"{path}.{name}" if path else name, each) for name, each in value.items()]
    elif isinstance(value, list):
        inside = [(f"{path}[{index}]", each) for index, each in enumerate(value)]
    if path and (with_holders or not isinstance(value, dict | list)):
        yield path, value
    for place, each in inside:
        yield from _leaves(each, place, with_holders=with_holders)


def _numbered(path: str) -> str:
    return path.replace("[]", "[0]")


def _holder(path: str) -> str:
    return path.rpartition(".")[0]


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    for name, index in STEP.findall(path):
        steps.append(name)
        if index:
            steps.append(int(index[1:-1]))
    return steps


def _at(value: Any, path: str) -> Any:
    """What is at ``path``, "" being all of it; None where nothing is."""
    for step in _steps(path):
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _with(inputs: Json, path: str, new: Any) -> Json:
    """A copy with ``new`` at ``path``; None takes it out."""
    changed = copy.deepcopy(inputs)
    *before, last = _steps(path)
    holder: Any = changed
    for step in before:
        holder = holder[step]
    if new is None:
        del holder[last]
    else:
        holder[last] = new
    return changed


def _without_marks(value: Any) -> Any:
    """Without what the engine writes between the properties, and without what is null."""
    if isinstance(value, dict):
        return {
            name: _without_marks(each) for name, each in value.items() if not name.startswith("__") and each is not None
        }
    return [_without_marks(each) for each in value] if isinstance(value, list) else value


def main() -> int:
    """Tries everything and prints a table, a kind of mistake a line."""
    total, refused, survivors = Counter[str](), Counter[str](), set[str]()
    for name in ("samples", *STACKS):
        with tempfile.TemporaryDirectory() as folder:
            stack = samples(SAMPLES) if name == "samples" else stack_of(name, _brought_up(name, Path(folder)))
            trial = Trial(stack, Path(folder))
            for each in mutations(stack):
                why = trial.refusal(each.given, each.inputs)
                total[each.kind] += 1
                refused[each.kind] += bool(why)
                if not why:
                    survivors.add(each.told)
            others = [each for each in alternatives(stack) if trial.refusal(each.given, each.inputs)]
            print(f"{name}: {len(alternatives(stack))} other legal values, {len(others)} of them refused")
    for kind, number in sorted(total.items()):
        print(f"{refused[kind]:6} of {number:5}  {kind}")
    print(f"{refused.total():6} of {total.total():5}  all, {refused.total() / total.total():.1%}")
    print("not refused:", *sorted(survivors), sep="\n  ")
    return 0


def _brought_up(name: str, folder: Path) -> list[Json]:
    with cycle.Rehearsal(name, folder / "rehearsal") as rehearsal:
        up = rehearsal.run("up", "up", "--yes", "--skip-preview")
        if not up.passed:
            raise RuntimeError(f"{name} does not come up: {up.why}")
        return rehearsal.resources()


if __name__ == "__main__":
    sys.exit(main())
