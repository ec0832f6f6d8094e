"""Which versions go together, held against what the projects themselves publish."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from infra.kubeflow.versions import COMPONENTS, DEFAULT, KUBERNETES, MATRIX, PAIRS, Range, choose, refusals
from toolchain.kubernetes import sources

PINNED = {name: row.module for name, row in COMPONENTS.items() if row.module in sources.versions()}
"""Components whose content can be read, with their Go modules."""


def with_changes(**changes: str) -> dict[str, str]:
    """The default set on Kubernetes 1.36, with some versions changed; underscores are dashes."""
    changed = {name.replace("_", "-"): version for name, version in changes.items()}
    return {KUBERNETES: "1.36.3", **choose().versions, **changed}


# The sets


@pytest.mark.parametrize("name", MATRIX)
@pytest.mark.parametrize("kubernetes", ["1.34.4-gke.1829001", "1.35", "v1.36.3"])
def test_a_set_is_not_refused(name: str, kubernetes: str) -> None:
    assert refusals({KUBERNETES: kubernetes, **choose(name).versions}) == ()


@pytest.mark.parametrize("name", MATRIX)
def test_a_set_has_a_version_of_every_component_and_says_how_it_is_known(name: str) -> None:
    chosen = choose(name)
    assert set(chosen.versions) == set(COMPONENTS)
    assert chosen.evidence
    assert chosen.sources


@pytest.mark.parametrize("name", MATRIX)
def test_no_set_has_a_pair_that_is_known_not_to_fit(name: str) -> None:
    versions = choose(name).versions
    assert [
        pair
        for pair in PAIRS
        if pair.other != KUBERNETES and versions[pair.name] in pair.of and versions[pair.other] not in pair.fits
    ] == []


def test_a_part_of_a_set_goes_together_too() -> None:
    assert refusals({"jobset": "0.12.0", "trainer": "2.2.1"}) == ()
    assert refusals({}) == ()


def test_another_patch_release_is_of_the_set() -> None:
    assert refusals(with_changes(cert_manager="v1.21.0", trainer="2.2.0")) == ()


def test_an_unknown_set_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        ValueError, match=r"no set of versions '2026.8'; allowed: 2026.08, 2026.06; did you mean 2026.08"
    ):
        choose("2026.8")


# What is refused


@pytest.mark.parametrize(
    ("changes", "names", "told", "source"),
    [
        ({"trainer": "2.3.0"}, ("trainer", "kueue"), "2.3 merges otherwise; it takes 2.2 or later, below 2.3", "14504"),
        ({"trainer": "2.1.0"}, ("trainer", "kueue"), "with 2.1 no TrainJob starts", "14722"),
        ({"kueue": "0.20.0"}, ("kueue", "trainer"), "Trainer 2.2 and 2.3 differ", "14504"),
        ({"kueue": "0.16.0"}, ("kueue", "trainer"), "podTemplateOverrides", "11931"),
        ({"jobset": "0.11.1"}, ("jobset", "kueue"), "kueue 0.19.2 does not go with jobset 0.11.1", "go.mod"),
        ({"lws": "0.8.0"}, ("lws", "kueue"), "kueue 0.19.2 does not go with lws 0.8.0", "go.mod"),
        ({"cert_manager": "1.14.0"}, ("cert-manager", "kserve"), "it takes 1.15 or later", "KServe"),
        ({"kubernetes": "1.37.2"}, (KUBERNETES, "cert-manager"), "cert-manager 1.21.2 does not go with kubernetes", ""),
        ({"kubernetes": "1.31.9"}, (KUBERNETES, "cert-manager"), "it takes 1.33 or later, below 1.37", ""),
        ({"katib": "0.18.0"}, ("katib",), "katib 0.18.0 is in no set with the others", "go.mod"),
    ],
)
def test_a_version_that_does_not_fit_is_told_once_with_the_pair_and_what_to_take(
    changes: dict[str, str], names: tuple[str, ...], told: str, source: str
) -> None:
    (refusal,) = refusals(with_changes(**changes))
    assert refusal.names == names
    assert told in refusal.problem
    assert source in refusal.source
    wanted = "1.34 or later, below 1.37" if names[0] == KUBERNETES else choose().versions[names[0]]
    assert refusal.instead == f"Take {names[0]} {wanted}, as the set 2026.08 has"


def test_a_refusal_reads_as_a_sentence_that_says_what_to_do() -> None:
    (refusal,) = refusals(with_changes(trainer="2.3.0"))
    assert str(refusal) == (
        "kueue 0.19.2 does not go with trainer 2.3.0: Kueue writes runtimePatches as Trainer 2.2 has them: with 2.1 no "
        "TrainJob starts, and 2.3 merges otherwise; it takes 2.2 or later, below 2.3 "
        "(https://github.com/kubernetes-sigs/kueue/issues/14722, https://github.com/kubernetes-sigs/kueue/pull/14504). "
        "Take trainer 2.2.1, as the set 2026.08 has."
    )


@pytest.mark.parametrize("name", [*COMPONENTS, KUBERNETES])
def test_any_component_of_a_version_of_no_set_is_refused(name: str) -> None:
    found = refusals(with_changes() | {name: "99.0"})
    assert [refusal.names[0] for refusal in found] == [name]


def test_two_things_that_do_not_fit_are_both_told() -> None:
    found = refusals(with_changes(trainer="2.3.0", katib="0.18.0"))
    assert [refusal.names[0] for refusal in found] == ["trainer", "katib"]


def test_versions_are_held_against_the_set_that_they_are_nearest_to() -> None:
    older = {KUBERNETES: "1.36", **choose("2026.06").versions, "kueue": "0.18.6"}
    assert {refusal.names[0] for refusal in refusals(older)} == {"kueue"}
    assert "2026.06" in refusals(older)[0].instead


def test_what_a_component_cannot_run_without_is_missed_once() -> None:
    (refusal,) = refusals({"istio": "1.31.1", "dashboard": "2.0.0", "kserve": "0.20.0", "oauth2-proxy": "7.15.4"})
    assert refusal.names == ("cert-manager", "kserve")
    assert str(refusal).startswith("kserve cannot run without cert-manager, and there is none")
    (refusal,) = refusals({"dashboard": "2.0.0", "dex": "2.45.1", "oauth2-proxy": "7.15.4"})
    assert refusal.names == ("istio", "dashboard", "dex", "oauth2-proxy")


def test_a_component_that_nobody_knows_is_told_with_a_guess() -> None:
    (refusal,) = refusals({"kueu": "0.19.2"})
    assert "did you mean kueue?" in refusal.problem


def test_what_is_no_version_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"'latest' is no version; write it as numbers, such as 1\.36\.3"):
        refusals({"kueue": "latest"})


@pytest.mark.parametrize(
    ("version", "inside"),
    [
        ("2.1.9", False),
        ("2.2", True),
        ("2.2.1", True),
        ("v2.10.0", False),
        ("2.3", False),
        ("2.3.0", False),
        ("2.2.0-rc.1", True),
    ],
)
def test_a_range_has_its_first_version_and_not_its_last(version: str, inside: bool) -> None:
    assert (version in Range("2.2", "2.3")) is inside


# Against what the projects publish


def pinned(name: str) -> Path:
    module = PINNED[name]
    assert module is not None
    return sources.module(module)


def required(name: str) -> dict[str, str]:
    """Versions of the modules that a component is built against."""
    return dict(re.findall(r"^\s+(\S+) v(\S+)$", (pinned(name) / "go.mod").read_text(), re.MULTILINE))


def test_the_default_set_is_what_is_pinned() -> None:
    pins = sources.versions()
    assert {name: f"v{choose().versions[name]}" for name in PINNED} == {
        name: pins[module] for name, module in PINNED.items() if module
    }
    assert pins[sources.KUBERNETES] in choose().kubernetes
    assert len(PINNED) == 6


@pytest.mark.parametrize("other", ["trainer", "jobset", "lws"])
def test_kueue_of_the_default_set_is_built_against_the_others_of_it(other: str) -> None:
    module = COMPONENTS[other].module
    assert module is not None
    assert required("kueue")[module] == choose().versions[other]


def test_trainer_is_built_against_a_jobset_that_the_matrix_gives_it() -> None:
    assert refusals({"trainer": choose().versions["trainer"], "jobset": required("trainer")[sources.JOBSET]}) == ()


@pytest.mark.parametrize("name", PINNED)
def test_the_apis_of_a_component_are_those_that_its_definitions_serve(name: str) -> None:
    folders = {
        "cert-manager": "deploy/crds",
        "kserve": "config/crd/full",
        "lws": "config/crd/bases",
        "trainer": "manifests/base/crds",
    }
    served: set[str] = set()
    for path in (pinned(name) / folders.get(name, "config/components/crd/bases")).rglob("*.yaml"):
        document = yaml.load(path.read_text(), yaml.CSafeLoader)
        if document["kind"] == "CustomResourceDefinition" and "versions" in document["spec"] and "llm" not in path.name:
            spec = document["spec"]
            served |= {f"{spec['group']}/{each['name']}" for each in spec["versions"] if each["served"]}
    assert tuple(sorted(served)) == COMPONENTS[name].apis_at(choose().versions[name])


@pytest.mark.parametrize("name", PINNED)
def test_what_an_uninstall_does_to_definitions_is_what_the_chart_has(name: str) -> None:
    charts = {
        "trainer": "charts/kubeflow-trainer",
        "cert-manager": "deploy/charts/cert-manager",
        "kserve": "charts/kserve-crd",
    }
    chart = pinned(name) / charts.get(name, f"charts/{name}")
    apart = (chart / "crds").is_dir()
    kept = any("resource-policy: keep" in path.read_text() for path in (chart / "templates").rglob("*.yaml"))
    assert COMPONENTS[name].crds == ("never-upgraded" if apart else "kept" if kept else "deleted")


@pytest.mark.parametrize("name", ["jobset", "kueue", "lws", "trainer"])
def test_charts_of_a_source_tree_name_other_images_than_those_released(name: str) -> None:
    """Why ``images`` is there: only Trainer's chart names what is released."""
    chart = pinned(name) / ("charts/kubeflow-trainer" if name == "trainer" else f"charts/{name}")
    values = yaml.load((chart / "values.yaml").read_text(), yaml.CSafeLoader)
    image = values.get("image") or values["controllerManager"]["manager"]["image"]
    image = image.get("manager", image)
    assert COMPONENTS[name].images[0].endswith(image["repository"].rpartition("/")[2])
    assert image.get("tag", "") in ("", "main", "release-0.19")


def test_images_and_charts_have_the_tags_of_their_projects() -> None:
    assert COMPONENTS["kueue"].images_at("0.19.2") == ("registry.k8s.io/kueue/kueue:v0.19.2",)
    assert COMPONENTS["kueue"].charts_at("0.19.2") == (("oci://registry.k8s.io/kueue/charts/kueue", "0.19.2"),)
    assert COMPONENTS["cert-manager"].charts_at("1.21.2")[0][1] == "v1.21.2"
    assert [chart.rpartition("-")[2] for chart, _ in COMPONENTS["kserve"].charts_at("0.20.0")] == [
        "crd",
        "resources",
        "configs",
    ]


def test_apis_end_and_begin_with_the_versions_that_serve_them() -> None:
    kueue = COMPONENTS["kueue"]
    assert [len(kueue.apis_at(version)) for version in ("0.14.0", "0.15.0", "0.19.2", "0.20.0")] == [1, 2, 2, 1]
    assert kueue.apis_at("1.0") == ()


def test_traps_are_told_of_the_versions_that_have_them() -> None:
    traps = {version: len(COMPONENTS["trainer"].traps_at(version)) for version in ("2.2.1", "2.3.0", "2.4.0")}
    assert traps == {"2.2.1": 2, "2.3.0": 3, "2.4.0": 2}


# The data


@pytest.mark.parametrize("name", COMPONENTS)
def test_everything_that_is_known_has_a_source_and_a_way_to_be_installed(name: str) -> None:
    row = COMPONENTS[name]
    assert row.source
    assert bool(row.charts) is not bool(row.manifests)
    assert all(trap.source and trap.instead for trap in row.traps)
    assert set(row.needs) <= set(COMPONENTS)


def test_what_a_component_needs_stands_before_it() -> None:
    order = [*COMPONENTS]
    for name, row in COMPONENTS.items():
        assert all(order.index(need) < order.index(name) for need in row.needs)


def test_sets_are_told_the_latest_first() -> None:
    assert all(later > earlier for later, earlier in pairwise(MATRIX))
    assert next(iter(MATRIX)) == DEFAULT
