"""What is in an image, as a CycloneDX 1.6 document: Debian's packages and Python's, read from its own layers.

Source of the format: CycloneDX, 'JSON Reference' 1.6 (cyclonedx.org/docs/1.6/json); of the names in it: package-url,
'PURL types' deb and pypi. Debian's licences are in its packages' copyright files, which are in the image, and not here.
"""

from __future__ import annotations

import json
import re
import tarfile
import uuid
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

DEBIAN = "var/lib/dpkg/status"
PYTHON = re.compile(r"\.dist-info/METADATA$")
DELETED = ".wh."
"""How a layer says what of those below it is gone (OCI image specification, 'Image Layer Filesystem Changeset')."""
LONGEST_LICENCE = 80
"""In letters; some packages have the whole text where its name belongs."""


def write(archive: Path, reference: str, target: Path) -> None:
    """Writes what is in the image of an archive as `docker save` makes it.

    reference:  the image's name.
    """
    with tarfile.open(archive) as image:
        manifest = json.load(image.extractfile("manifest.json"))[0]
        config = json.load(image.extractfile(manifest["Config"]))
        texts = _texts(image, manifest["Layers"])
    found = [each for path, text in texts.items() for each in (_debian(text) if path == DEBIAN else _python(text))]
    environment = dict(each.split("=", 1) for each in config["config"].get("Env", ()))
    if "PYTHON_VERSION" in environment:  # how Docker's Python images name what they have compiled
        found.append(_component("python", environment["PYTHON_VERSION"], "generic/python"))
    components = {each["bom-ref"]: each for each in found}  # a package may bring a copy of another
    name, _, tag = reference.rpartition(":")
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ''.join(config['rootfs']['diff_ids']))}",
        "version": 1,
        "metadata": {"component": {"type": "container", "bom-ref": reference, "name": name, "version": tag}},
        "components": [components[each] for each in sorted(components)],
    }
    target.write_text(json.dumps(document, indent=1) + "\n")


def _texts(image: tarfile.TarFile, layers: list[str]) -> dict[str, str]:
    """The files that tell of packages, by their path, as the uppermost layer has them."""
    found: dict[str, str] = {}
    for each in layers:
        with tarfile.open(fileobj=image.extractfile(each), mode="r:*") as layer:
            for entry in layer:
                path = PurePosixPath(entry.name)
                if path.name.startswith(DELETED):
                    gone = str(path.parent / path.name[len(DELETED) :])
                    found = {name: text for name, text in found.items() if not f"{name}/".startswith(f"{gone}/")}
                elif entry.isfile() and (str(path) == DEBIAN or PYTHON.search(str(path))):
                    found[str(path)] = layer.extractfile(entry).read().decode(errors="replace")
    return found


def _debian(status: str) -> list[dict]:
    packages = [HeaderParser().parsestr(each) for each in status.strip().split("\n\n")]
    return [
        _component(each["Package"], each["Version"], f"deb/debian/{each['Package']}", f"?arch={each['Architecture']}")
        for each in packages
        if each["Status"] == "install ok installed"
    ]


def _python(metadata: str) -> list[dict]:
    package = HeaderParser().parsestr(metadata)
    name = re.sub(r"[-_.]+", "-", package["Name"]).lower()
    component = _component(name, package["Version"], f"pypi/{name}")
    classified = [each for each in package.get_all("Classifier", ()) if each.startswith("License :: ")]
    names = [(package["License"] or "").strip(), *(each.split(" :: ")[-1] for each in classified)]
    named = next((each for each in names if 0 < len(each) <= LONGEST_LICENCE), "")
    if package["License-Expression"]:
        component["licenses"] = [{"expression": package["License-Expression"]}]
    elif named:
        component["licenses"] = [{"license": {"name": named}}]
    return [component]


def _component(name: str, version: str, path: str, qualifiers: str = "") -> dict:
    purl = f"pkg:{path}@{version.replace('+', '%2B').replace(':', '%3A')}{qualifiers}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
