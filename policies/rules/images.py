"""Where images come from, and whether the one that runs is the one that was looked at."""

from __future__ import annotations

from collections.abc import Iterator

from policies.configuration import Configuration
from policies.manifests import TRAIN_JOB, WORKLOADS, pods_of
from policies.resource import Resource, shown
from policies.rule import Rules, Severity, expect
from policies.rules.reliability import REPOSITORY

RULES = Rules()


@RULES.resource(
    "AR-01",
    Severity.HIGH,
    REPOSITORY,
    must="`dockerConfig.immutableTags`; `cleanupPolicies`; `vulnerabilityScanningConfig` not `DISABLED`",
    why="A tag that moves is an image that nobody looked at; one that is never scanned has flaws that nobody knows.",
    fix="Set immutable_tags to true, cleanup_policies, and vulnerability_scanning_config to INHERITED.",
    sources=("own", "organisation policy"),
)
def an_image_stays_what_it_was(repository: Resource, _: Configuration) -> Iterator[str]:
    """An image stays what it was, is scanned, and goes when it is old."""
    if repository.at("format").text() == "DOCKER":
        yield from expect(repository, "dockerConfig.immutableTags", True)
    if not repository.at("cleanupPolicies").items():
        yield "cleanupPolicies is not set"
    yield from expect(repository, "vulnerabilityScanningConfig.enablementConfig", "INHERITED")


@RULES.resource(
    "K8S-03",
    Severity.HIGH,
    *WORKLOADS,
    TRAIN_JOB,
    must="`image` begins with one of `images.registries`, and has an `@sha256:` digest where `images.by_digest`",
    why="Who can push to a public registry can run in the cluster; a tag is what somebody else decides it is.",
    fix="Push the image to the project's registry and name it by digest.",
    sources=("checkov CKV_K8S_14", "checkov CKV_K8S_43", "NSA/CISA 1.2"),
)
def images_are_ours_and_exact(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """Images come from agreed registries, by digest."""
    places = [each.at("image") for pod in pods_of(resource) for each in pod.containers]
    if resource.is_a(TRAIN_JOB):
        places = [resource.at("spec.trainer.image")]
    for place in places:
        image = place.text()
        if image is None:
            continue  # a TrainJob's may be its runtime's
        if not image.startswith(configuration.images.registries):
            yield f"{place.path} is {shown(image)}; agreed: {', '.join(configuration.images.registries) or 'none'}"
        if configuration.images.by_digest and "@sha256:" not in image:
            yield f"{place.path} is {shown(image)}, without a digest"
