"""``load.py URL CLIENTS``: asks a model again and again, and counts what came back.

The request is the first line of standard input, whose end ends it all. Runs in the network of a cluster, and needs no
more than Python.
"""

from __future__ import annotations

import collections
import http.client
import json
import sys
import threading
import time
import urllib.parse

RENEWED_AFTER = 20  # requests; a connection stays with one pod, and new pods must get some
WAIT_SECONDS = 15.0


def ask(url: urllib.parse.SplitResult, body: str, ended: threading.Event, counts: collections.Counter[str]) -> None:
    """Until ``ended``: which version is there, then a prediction, over connections that are renewed."""
    while not ended.is_set():
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=WAIT_SECONDS)
        try:
            for number in range(RENEWED_AFTER):
                if ended.is_set():
                    break
                if number:
                    connection.request("POST", f"{url.path}:predict", body, {"Content-Type": "application/json"})
                else:
                    connection.request("GET", url.path)
                answer = connection.getresponse()
                said = answer.read()
                counts["answered" if answer.status == 200 else f"status {answer.status}: {said[:80]!r}"] += 1
                if not number and answer.status == 200:
                    counts[f"version {json.loads(said)['model_version_status'][0]['version']}"] += 1
        except OSError as error:
            counts[f"{type(error).__name__}: {error}"] += 1
            time.sleep(0.05)
        except http.client.HTTPException as error:
            counts[f"{type(error).__name__}: {error}"] += 1
        finally:
            connection.close()


def main() -> None:
    url, clients = urllib.parse.urlsplit(sys.argv[1]), int(sys.argv[2])
    body = sys.stdin.readline()
    ended, counts = threading.Event(), collections.Counter[str]()
    threads = [threading.Thread(target=ask, args=(url, body, ended, counts)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join()
    versions = {key.removeprefix("version "): count for key, count in counts.items() if key.startswith("version ")}
    failed = {key: count for key, count in counts.items() if key != "answered" and not key.startswith("version ")}
    print(json.dumps({"answered": counts["answered"], "failed": failed, "versions": versions}))


if __name__ == "__main__":
    main()
