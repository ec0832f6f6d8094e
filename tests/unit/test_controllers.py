"""What is built of Kubeflow's controllers is what the platform asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.kubeflow import versions
from toolchain.kubernetes import controllers, sources

BESIDE = {"quay.io/brancz/kube-rbac-proxy"}  # in a component's pods, and of another project


@pytest.mark.parametrize("controller", controllers.CONTROLLERS, ids=lambda each: each.image)
def test_an_image_has_the_name_and_the_version_that_the_platform_installs(controller: controllers.Controller) -> None:
    wanted = versions.COMPONENTS[controller.component].images_at(versions.choose().versions[controller.component])
    assert controller.image in BESIDE or f"{controller.image}:{controller.version}" in wanted


@pytest.mark.parametrize("controller", controllers.CONTROLLERS, ids=lambda each: each.image)
def test_a_controller_is_of_the_version_of_its_chart(controller: controllers.Controller) -> None:
    assert sources.versions().get(controller.source, controller.version) == controller.version


def test_a_chart_says_the_version_of_its_module_and_needs_no_other_chart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _, where in controllers.CHARTS.values():
        chart = tmp_path / "module" / where
        chart.mkdir(parents=True)
        (chart / "values.yaml").write_text("replicas: 1\n")
        (chart / "Chart.yaml").write_text(
            'name: one\nversion: 0.1.0\nappVersion: "v0.1.0"\ndependencies:\n- name: jobset\n  version: 0.11.0\n'
            "home: https://example.org\n"
        )
    monkeypatch.setattr(sources, "module", lambda _: tmp_path / "module")
    stale = tmp_path / "charts" / "jobset" / "templates" / "of_an_earlier_version.yaml"
    stale.parent.mkdir(parents=True)
    stale.touch()
    assert controllers.main(["charts", str(tmp_path / "charts")]) == 0
    assert not stale.exists()
    assert {each.name for each in (tmp_path / "charts").iterdir()} == set(controllers.CHARTS)
    number = sources.versions()[sources.JOBSET].removeprefix("v")
    assert (tmp_path / "charts" / "jobset" / "values.yaml").read_text() == "replicas: 1\n"
    assert (tmp_path / "charts" / "jobset" / "Chart.yaml").read_text() == (
        f'name: one\nversion: {number}\nappVersion: "v{number}"\nhome: https://example.org\n'
    )


def test_a_component_that_there_is_not_is_refused_with_those_that_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        controllers.main(["load", "trianer"])
    assert (
        "no component 'trianer'; there are cert-manager, jobset, kueue, trainer, lws, kserve" in capsys.readouterr().err
    )
