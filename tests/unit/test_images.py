"""The images: what may be in them by their Dockerfile and locks, and how they are made. No engine, nothing is built."""

from __future__ import annotations

import io
import json
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from toolchain import cache, python
from toolchain.images import __main__ as command
from toolchain.images import build, engines, locks, sbom
from workloads.images import prune

DOCKERFILE = (cache.PROJECT / "workloads" / "images" / "Dockerfile").read_text()
INSTRUCTIONS = [line.split(None, 1) for line in DOCKERFILE.replace("\\\n", "").splitlines() if line[:1].isupper()]
LINUX = {
    "sys_platform": "linux",
    "platform_machine": "x86_64",
    "python_version": "3.11",
    "python_full_version": "3.11.2",
}
"""Where the images run."""


def instructions(name: str) -> list[str]:
    return [rest for each, rest in INSTRUCTIONS if each == name]


def pins(lock: Path) -> dict[str, Requirement]:
    """What a lock file installs in an image."""
    lines = [line.removesuffix(" \\") for line in lock.read_text().splitlines() if re.match(r"[a-z]", line)]
    found = [Requirement(line) for line in lines]
    return {each.name: each for each in found if each.marker is None or each.marker.evaluate(LINUX)}


# What the Dockerfile says


def test_every_stage_builds_on_the_one_base_that_is_named_by_its_digest() -> None:
    arguments = dict(each.split("=", 1) for each in instructions("ARG"))
    assert re.fullmatch(r"docker\.io/library/python:3\.11-slim-bookworm@sha256:[0-9a-f]{64}", arguments["BASE"])
    stages = [each.split(" AS ") for each in instructions("FROM")]
    assert arguments["RUNTIME"] in {stage for under, stage in stages if under == "${BASE}"}
    assert {under for under, _ in stages} == {"${BASE}", "${RUNTIME}"}


def test_nothing_is_installed_unless_its_hash_is_locked() -> None:
    installs = [
        each for run in instructions("RUN") for each in run.split("&&") if re.search(r"pip (install|sync)", each)
    ]
    assert len(installs) == 2
    for each in installs:
        assert "--require-hashes" in each
        assert "--only-binary=:all:" in each
    assert not re.search(
        r"^ADD|https?://|apt-get|curl|wget", "\n".join(f"{a} {b}" for a, b in INSTRUCTIONS), re.MULTILINE
    )


def test_every_image_is_a_stage_that_runs_as_nobody_and_ends_by_sigterm() -> None:
    under = dict(reversed(each.split(" AS ")) for each in instructions("FROM"))
    for image in build.IMAGES.values():
        assert under[image.target] == "${RUNTIME}"
    assert instructions("USER") == ["65532:65532"]
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    assert DOCKERFILE.index("AS runtime") < DOCKERFILE.index("USER") < DOCKERFILE.index("AS train")


# What they install


@pytest.mark.parametrize(
    ("accelerator", "tensorflow"), [("cpu", "tensorflow-cpu"), ("gpu", "tensorflow"), ("tpu", "tensorflow-tpu")]
)
def test_an_image_has_one_tensorflow_and_else_what_the_clone_has(accelerator: str, tensorflow: str) -> None:
    image, clone = pins(locks.path(accelerator)), pins(python.LOCKS / "requirements.txt")
    assert {"tensorflow", "tensorflow-cpu", "tensorflow-tpu"} & set(image) == {tensorflow}
    assert image[tensorflow].specifier == clone["tensorflow-cpu"].specifier
    shared = set(image) & set(clone)
    assert {"keras", "numpy", "fastapi", "pydantic", "scikit-learn"} <= shared
    assert {name: image[name].specifier for name in shared} == {name: clone[name].specifier for name in shared}
    assert not {"pulumi", "pytest", "pip"} & set(image)


@pytest.mark.parametrize("accelerator", locks.TENSORFLOW)
def test_every_package_of_an_image_has_its_hashes(accelerator: str) -> None:
    packages = re.split(r"\n(?=[a-z])", locks.path(accelerator).read_text())[1:]
    assert [each.split()[0] for each in packages if "--hash=sha256:" not in each] == []


def test_the_tpu_image_has_a_libtpu_that_tensorflow_can_load() -> None:
    (pin,) = pins(locks.path("tpu"))["libtpu"].specifier
    assert tuple(map(int, pin.version.split("."))) <= (0, 0, 24)


def test_what_is_installed_is_compiled_for_good_and_left_without_its_tests(tmp_path: Path) -> None:
    for file in ("keras/ops.py", "keras/tests/ops_test.py", "keras/tests/include/a.h", "numpy/include/numpy.h"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert prune.main(tmp_path) == 0
    (compiled,) = [file for file in tmp_path.rglob("*") if file.is_file() and file.name != "ops.py"]
    assert compiled.name.startswith("ops.cpython-")
    assert compiled.read_bytes()[4:8] == bytes([0b01, 0, 0, 0])  # by its hash, and not checked (PEP 552)


# How they are made

ENGINE = """
echo "$@" >> {folder}/said
case "$1 $2" in
  "info "*) [ -e {folder}/daemon ] && echo 27.0 ;;
  "image inspect") grep -qx "$3" {folder}/images ;;
  "pull "*) echo "no such host" >&2; exit 1 ;;
  "build "*) while [ "$1" != --tag ]; do shift; done; echo "$2" >> {folder}/images ;;
  "save "*) while [ "$1" != --output ]; do shift; done; cp {folder}/archive "$2" ;;
esac
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts an engine on PATH that does nothing and says in a file what it was asked."""
    monkeypatch.setenv("AIDC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "grep", "cp"):
        (tmp_path / "bin" / tool).symlink_to(f"/bin/{tool}")
    archive(tmp_path / "archive", {})

    def put(name: str) -> Path:
        program = tmp_path / "bin" / name
        program.write_text("#!/bin/sh" + ENGINE.format(folder=tmp_path))
        program.chmod(0o755)
        return tmp_path

    return put


@pytest.fixture
def docker(engine: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Docker engine that answers and has the base; the folder of what it says."""
    monkeypatch.setattr(build, "SPACE_GIB", dict.fromkeys(build.SPACE_GIB, 0.0))
    folder = engine("docker")
    (folder / "daemon").touch()
    (folder / "images").write_text(f"{build._declared_base()}\n")
    return folder


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the workloads, to be changed."""
    shutil.copytree(build.CODE, tmp_path / "workloads", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(build, "CODE", tmp_path / "workloads")
    monkeypatch.setattr(build, "FILE", tmp_path / "workloads" / "images" / "Dockerfile")
    return tmp_path / "workloads"


def archive(target: Path, *layers: dict[str, str], env: tuple[str, ...] = ()) -> None:
    """Writes an image of these files, as an engine saves it."""

    def tar(files: dict[str, bytes]) -> bytes:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as writer:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                writer.addfile(entry, io.BytesIO(content))
        return packed.getvalue()

    packed = {f"{n}.tar": tar({k: v.encode() for k, v in layer.items()}) for n, layer in enumerate(layers)}
    config = {"config": {"Env": env}, "rootfs": {"diff_ids": list(packed)}}
    manifest = [{"Config": "config.json", "Layers": list(packed)}]
    described = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    target.write_bytes(tar({**packed, **described}))


def make(name: str = "serve", **options: str) -> build.Made:
    return build.make(cache.Reporter("images"), build.IMAGES[name], **options)


def test_an_image_is_made_once_and_a_change_of_our_code_builds_nothing_below_it(docker: Path, code: Path) -> None:
    first = make()
    assert first.archive.is_file()
    assert json.loads(first.sbom.read_text())["bomFormat"] == "CycloneDX"
    once = (docker / "said").read_text()
    assert make() == first
    assert (docker / "said").read_text() == once
    (code / "new.py").touch()
    assert make().reference != first.reference
    news = (docker / "said").read_text().removeprefix(once)
    assert "--target serve" in news
    assert "--target runtime" in once
    assert "--target runtime" not in news


@pytest.mark.parametrize("changed", ["images/Dockerfile", "images/prune.py"])
def test_a_change_of_what_is_below_our_code_builds_that_anew(docker: Path, code: Path, changed: str) -> None:
    first = make()
    with (code / changed).open("a") as file:
        file.write("# changed\n")
    assert make().reference != first.reference
    assert (docker / "said").read_text().count("--target runtime") == 2


def test_an_image_says_which_version_and_which_base_it_has(docker: Path) -> None:
    make("train-gpu", tag="v1")
    below, image = [line for line in (docker / "said").read_text().splitlines() if line.startswith("build")]
    assert f"--build-arg BASE={build._declared_base()} --build-arg ACCELERATOR=gpu" in below
    assert "--tag localhost/ai-datacenter/train-gpu:v1" in image
    assert "--label org.opencontainers.image.version=" in image
    assert f"--label org.opencontainers.image.base.name={build._declared_base()}" in image
    assert below.split("--tag ")[1].split()[0] in image


def test_archives_of_what_an_image_was_do_not_fill_the_disk(docker: Path, code: Path) -> None:
    for number in range(build.KEPT + 2):
        (code / "new.py").write_text(f"x = {number}\n")
        last = make()
    kept = list(cache.directory().glob("images/serve-*"))
    assert len(kept) == build.KEPT
    assert last.archive.parent in kept


def test_what_cannot_be_made_names_the_base_the_reason_and_the_way_out(docker: Path) -> None:
    (docker / "images").write_text("")
    with pytest.raises(cache.SetupError) as caught:
        make()
    assert build._declared_base() in str(caught.value)
    assert "no such host" in str(caught.value)
    assert "--base" in str(caught.value)


@pytest.mark.parametrize(
    ("there", "answers", "chosen"),
    [
        (("docker", "podman", "buildah"), True, "docker"),
        (("docker", "podman", "buildah"), False, "podman"),
        (("docker", "buildah"), False, "buildah"),
    ],
)
def test_the_first_engine_that_works_is_taken(
    engine: Callable[[str], Path], there: tuple[str, ...], answers: bool, chosen: str
) -> None:
    for name in there:
        folder = engine(name)
    if answers:
        (folder / "daemon").touch()
    assert engines.find(cache.Reporter("images")).name == chosen


def test_a_machine_that_cannot_build_images_says_what_to_install(engine: Callable[[str], Path]) -> None:
    with pytest.raises(cache.SetupError, match="no Docker engine answers, and there is neither podman nor buildah"):
        engines.find(cache.Reporter("images"))


def test_an_image_that_there_is_not_is_answered_by_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["train-npu"])
    assert "there is no image 'train-npu'; there are: train-cpu, train-gpu, train-tpu, serve" in capsys.readouterr().err


# What is in them


def test_the_contents_are_what_the_layers_leave_there(tmp_path: Path) -> None:
    status = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u14\n\n"
    gone = "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n"
    site, opt = "usr/local/lib/python3.11/site-packages", "opt/workloads/lib/python3.11/site-packages"
    keras = "Name: Keras\nVersion: 3.15.1\nLicense-Expression: Apache-2.0\n\nNot the Name: at all\n"
    archive(
        tmp_path / "image.tar",
        {"var/lib/dpkg/status": status + gone, f"{site}/pip-24.0.dist-info/METADATA": "Name: pip\nVersion: 24.0\n"},
        {"usr/local/lib/python3.11/.wh.site-packages": "", f"{opt}/keras-3.15.1.dist-info/METADATA": keras},
        env=("PYTHON_VERSION=3.11.16",),
    )
    sbom.write(tmp_path / "image.tar", "localhost/ai-datacenter/serve:1", tmp_path / "sbom.json")
    said = json.loads((tmp_path / "sbom.json").read_text())
    assert [each["purl"] for each in said["components"]] == [
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64",
        "pkg:generic/python@3.11.16",
        "pkg:pypi/keras@3.15.1",
    ]
    assert said["components"][2]["licenses"] == [{"expression": "Apache-2.0"}]
    assert said["metadata"]["component"]["name"] == "localhost/ai-datacenter/serve"
