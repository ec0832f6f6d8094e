"""Kinds of objects that a server takes."""

from __future__ import annotations

from http import HTTPStatus

from infra.kubeflow.plugin.cluster import Cluster, Refused
from infra.kubeflow.plugin.patience import News, Pace, Patience
from infra.plugin.handler import Handler, ProviderError, State, Talk

SECONDS = 300.0


class ReadyHandler(Handler):
    def __init__(self, pace: Pace | None = None) -> None:
        self._patience = Patience(pace)

    def create(self, name: str, inputs: State, talk: Talk) -> State:
        cluster, news = Cluster(inputs["context"]), News(talk)
        seconds = talk.seconds or SECONDS
        for wanted in inputs["dry_runs"]:
            what = f"{wanted['kind']} {wanted['metadata']['name']}"
            problem = ""

            def taken(wanted: State = wanted, what: str = what) -> bool | None:
                nonlocal problem
                problem = _problem(cluster, wanted)
                news.now(f"{what}: {problem}" if problem else "")
                return None if problem else True

            if not self._patience.until(seconds, taken):
                raise ProviderError(
                    f"the cluster takes no {what} after {seconds:g} s: {problem}\n"
                    "  Does the controller that answers for it run? The next up looks again"
                )
        return inputs

    def read(self, name: str, state: State) -> State | None:
        return state

    def update(self, name: str, state: State, inputs: State, talk: Talk) -> State:
        if inputs == {**state, "context": inputs["context"]}:
            return inputs
        return self.create(name, inputs, talk)

    def delete(self, name: str, state: State, talk: Talk) -> None:
        return

    def cancel(self) -> None:
        self._patience.cancel()


def _problem(cluster: Cluster, wanted: State) -> str:
    """Why the object is not taken yet; nothing when it is. Raises Refused when it never will be."""
    try:
        cluster.create_dry(wanted)
    except Refused as error:
        if error.code == HTTPStatus.CONFLICT:  # it is there, which is told after every webhook has agreed
            return ""
        if error.may_pass or error.code == HTTPStatus.NOT_FOUND:
            return str(error)
        raise
    return ""
