"""The command line of the workloads: train, evaluate, export, status, serve, list. Needs no Pulumi and no cloud.

Exit status: 0 done; 1 the work failed; 2 the command or the specification is wrong; 42 told to go (SIGTERM) with all
that was learned saved; 74 the work failed in a way that another attempt would not mend (a full disk, a loss that is not
a number, a model below its minimum, a damaged version).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import portalocker
import yaml
from pydantic import ValidationError

from workloads import lifeline, mistakes
from workloads.artefacts import Artefacts
from workloads.catalog import DATASETS, MODELS
from workloads.export import release
from workloads.processors import processors
from workloads.spec import WorkloadSpec
from workloads.train.notice import leave
from workloads.train.status import FINAL, USAGE

LOCK_SECONDS = 30
"""How long a run waits for the end of another one on the same checkpoints; one whose parent died ends at once."""


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow greets everyone at length
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(processors()))
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", str(max(2, processors())))
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger(__package__).setLevel(logging.INFO)
    if "artefacts" in arguments:
        os.environ.setdefault("KERAS_HOME", str(arguments.artefacts.absolute() / ".keras"))  # else it writes to ~
    status = _run(arguments)
    if vars(arguments).get("member"):
        leave(status)
    return status


def _run(arguments: argparse.Namespace) -> int:
    """Runs the command; a failure is told in words, and its exit status returned."""
    try:
        status: int = arguments.command(arguments)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except ValidationError as error:
        told = (f"{each.what}: {each.problem}" for each in mistakes.explain(WorkloadSpec, error))
        print("error: " + "\n       ".join(told), file=sys.stderr)
        return USAGE
    except (OSError, FloatingPointError, release.Inaccurate) as error:
        print(f"error: {error}", file=sys.stderr)
        return FINAL
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the next run goes on from the last checkpoint", file=sys.stderr)
        return 130
    except Exception:
        traceback.print_exc()  # a defect: told whole
        return 1
    return status


class UsageError(ValueError):
    """The command line asks for something that cannot be."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workloads",
        description="Train, evaluate, export and serve the models of the catalogue on this machine.",
        epilog="Example: python -m workloads train --model digits_cnn --dataset digits --set train.workers=2",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--artefacts",
        type=Path,
        default=Path(".local/workloads"),
        metavar="DIR",
        help="root of data sets, checkpoints, models and logs (default: %(default)s)",
    )
    what = argparse.ArgumentParser(add_help=False)
    what.add_argument("--spec", metavar="FILE", help="workload specification, YAML or JSON; - is standard input")
    what.add_argument("--model", choices=sorted(MODELS), help="model of the catalogue")
    what.add_argument("--dataset", choices=sorted(DATASETS), help="data set (default: the first that fits the model)")
    what.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change one value, such as train.steps=500"
    )

    def add(name: str, command: Any, parents: list[argparse.ArgumentParser], text: str) -> argparse.ArgumentParser:
        each = commands.add_parser(name, parents=parents, help=text, description=text)
        each.set_defaults(command=command)
        return each

    text = "Train to the last step, on as many local processes as train.workers says."
    training = add("train", _train, [what, where], text)
    training.add_argument(
        "--member", action="store_true", help="be one process: a member of TF_CONFIG's group, or without it alone"
    )
    training.add_argument(
        "--release", action="store_true", help="then release the model, as export does; with --member, by the chief"
    )
    add("evaluate", _evaluate, [what, where], "Print the test accuracy of the newest good checkpoint as JSON.")
    add("export", _export, [what, where], "Release the trained model as a versioned SavedModel; print it as JSON.")
    add("status", _status, [what, where], "Say as JSON how far the workload is and whether its files are whole.")
    serving = add("serve", _serve, [where], "Serve a released model over TensorFlow Serving's REST API.")
    serving.add_argument("--name", required=True, help="name of the workload that made the model")
    serving.add_argument("--version", type=int, help="version to serve (default: the highest)")
    serving.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serving.add_argument("--port", type=int, default=8501, help="port to listen on (default: %(default)s)")
    add("list", _list, [], "List the models and data sets of the catalogue.")
    return parser


def _train(arguments: argparse.Namespace) -> int:
    spec = _spec(arguments)
    artefacts = Artefacts(arguments.artefacts.absolute())
    if arguments.member:
        lifeline.hold()
        from workloads.train import worker

        worker.work(spec, artefacts, releases=arguments.release)
        return 0

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    lifeline.hold(then_terminate=True)
    from workloads.data import digits
    from workloads.train import group

    run = artefacts.run(spec.name, spec.fingerprint)
    run.mkdir(parents=True, exist_ok=True)
    try:
        with portalocker.Lock(run / ".lock", timeout=LOCK_SECONDS, fail_when_locked=False):
            digits.prepare(spec.dataset, artefacts.datasets)
            restarts = group.train(spec, artefacts, lambda line: print(line, flush=True))
    except portalocker.LockException as error:
        raise RuntimeError(f"{run} is in use by another training process; wait for it or end it") from error
    print(f"trained {spec.train.steps} steps, {restarts} restarts")
    if arguments.release:
        release.tell(release.release(spec, artefacts), artefacts)
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    spec = _spec(arguments)
    step, accuracy = release.evaluate(spec, Artefacts(arguments.artefacts.absolute()))
    print(json.dumps({"name": spec.name, "step": step, "accuracy": accuracy}))
    return 0


def _export(arguments: argparse.Namespace) -> int:
    lifeline.hold()
    artefacts = Artefacts(arguments.artefacts.absolute())
    release.tell(release.release(_spec(arguments), artefacts), artefacts)
    return 0


def _status(arguments: argparse.Namespace) -> int:
    print(json.dumps(release.status(_spec(arguments), Artefacts(arguments.artefacts.absolute()))))
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    model = Artefacts(arguments.artefacts.absolute()).model(arguments.name)
    versions = sorted(int(path.name) for path in model.glob("*") if path.name.isdigit())
    if not versions:
        raise UsageError(f"no released version in {model}; train and export {arguments.name} first")
    version = arguments.version or versions[-1]
    if version not in versions:
        raise UsageError(f"--version {version} is not in {model}; there are: {', '.join(map(str, versions))}")
    if problem := release.damage_in(model / str(version)):
        raise OSError(f"version {version} of {arguments.name} is not as it was released: {problem}; serve another one")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # a container's first process is not ended by default
    from workloads.serve import server

    server.serve(arguments.name, model / str(version), arguments.host, arguments.port)
    return 0


def _list(_: argparse.Namespace) -> int:
    for name, card in MODELS.items():
        print(f"model     {name:12} {card.summary}; data sets: {', '.join(card.datasets)}")
    for name, summary in DATASETS.items():
        print(f"data set  {name:12} {summary}")
    return 0


def _spec(arguments: argparse.Namespace) -> WorkloadSpec:
    """The specification that the command line asks for: a file or a model's defaults, then every ``--set``."""
    if arguments.spec:
        try:
            content = yaml.safe_load(sys.stdin.read() if arguments.spec == "-" else Path(arguments.spec).read_text())
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise UsageError(f"--spec {arguments.spec}: cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise UsageError(f"--spec {arguments.spec}: expected a mapping with name, model, dataset")
    elif arguments.model:
        content = {"name": arguments.model.replace("_", "-")}
    else:
        raise UsageError("say what to work on: --spec FILE or --model NAME (python -m workloads list)")
    if arguments.model:
        content["model"] = arguments.model
    if arguments.dataset:
        content["dataset"] = arguments.dataset
    if content.get("model") in MODELS:
        content.setdefault("dataset", MODELS[content["model"]].datasets[0])
    for assignment in arguments.set:
        path, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set {assignment}: expected KEY=VALUE")
        place = content
        *parents, last = path.split(".")
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise UsageError(f"--set {assignment}: {parent} holds a value, not a section")
        place[last] = yaml.safe_load(value)
    return WorkloadSpec.model_validate(content)
