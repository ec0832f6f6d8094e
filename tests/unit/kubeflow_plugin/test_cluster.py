"""The way to an API server, over one on loopback that says what a test wants it to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from infra.kubeflow.plugin.cluster import Cluster, Refused

POD = {"metadata": {"namespace": "team", "name": "pod"}}


class Server(ThreadingHTTPServer):
    """Answers every request with ``status`` and ``body``, to who has the token."""

    token, status, body = "first", 200, b"{}"


class Answer(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == f"Bearer {self.server.token}"
        self.send_response(self.server.status if known else 401)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """One that the kubeconfig's context ``here`` leads to."""
    with Server(("127.0.0.1", 0), Answer) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        knows(tmp_path / "kubeconfig", made, "first")
        yield made
        made.shutdown()


def knows(kubeconfig: Path, server: Server, token: str) -> None:
    """Writes the kubeconfig."""
    names = {"cluster": "one", "user": "me"}
    content = {
        "clusters": [{"name": "one", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "me", "user": {"token": token}}],
        "contexts": [{"name": "here", "context": names}],
        "current-context": "here",
    }
    kubeconfig.write_text(yaml.safe_dump(content))


def test_a_token_that_has_run_out_is_read_anew(server: Server, tmp_path: Path) -> None:
    cluster = Cluster("here")
    assert cluster.get("/version") == {}
    server.token = "second"  # noqa: S105 - of this test
    with pytest.raises(Refused):
        cluster.get("/version")
    knows(tmp_path / "kubeconfig", server, "second")
    assert cluster.get("/version") == {}


def test_what_a_container_wrote_is_shown_whatever_its_bytes(server: Server) -> None:
    server.body = b'{"not": "read"}\n\xff\xfe'
    assert Cluster("here").lines(POD, "node", 2) == ['{"not": "read"}', "\ufffd\ufffd"]


def test_lines_that_cannot_be_had_are_none(server: Server) -> None:
    server.status = 400
    assert Cluster("here").lines(POD, "node", 2) == []


@pytest.mark.parametrize(
    ("status", "body", "message", "may_pass"),
    [
        (500, b'{"message": "failed calling webhook"}', "failed calling webhook", True),
        (503, b"upstream is away", "503 Service Unavailable", True),
        (422, b'{"message": "spec is wrong"}', "spec is wrong", False),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(
    server: Server, status: int, body: bytes, message: str, may_pass: bool
) -> None:
    server.status, server.body = status, body
    with pytest.raises(Refused, match=message) as refusal:
        Cluster("here").get("/version")
    assert refusal.value.may_pass == may_pass


def test_nobody_who_answers_is_a_refusal_that_may_pass(server: Server) -> None:
    cluster = Cluster("here")
    server.shutdown()
    server.server_close()
    with pytest.raises(Refused, match="does not answer") as refusal:
        cluster.get("/version")
    assert refusal.value.may_pass
