"""Names, labels and ports in the forms that Kubernetes takes. Source: apimachinery/pkg/util/validation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rehearsal.kubernetes.api import Cause, Json
from rehearsal.values import Later

LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SERVICE = r"[a-z]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
VALUE = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
PATH_SEGMENT = r"(?!\.{1,2}$)[^/%]+"
PORT = r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?"
FORMS = {
    LABEL: ("lower-case letters, digits and '-', such as training-1", 63),
    SERVICE: ("lower-case letters, digits and '-', beginning with a letter, such as web-1", 63),
    SUBDOMAIN: ("lower-case letters, digits, '-' and '.', such as training.example", 253),
    VALUE: ("letters, digits, '-', '_' and '.', beginning and ending with a letter or digit", 63),
    PATH_SEGMENT: ("anything without '/' and '%'", 253),
    PORT: ("lower-case letters, digits and '-', with a letter, such as http-2", 15),
}
AS_LABEL = {"Namespace"}
AS_SERVICE = {"Service"}
AS_PATH = {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}


def faults(path: str, value: object, form: str) -> Iterator[Cause]:
    """Whether ``value`` is of ``form``, one of FORMS."""
    words, most = FORMS[form]
    if value is Later.VALUE or not isinstance(value, str):
        return
    if len(value) > most:
        yield Cause(path, f"Invalid value: {value!r}: must have at most {most} characters, not {len(value)}")
    elif not re.fullmatch(form, value):
        yield Cause(path, f"Invalid value: {value!r}: must consist of {words}")


def label_faults(path: str, labels: object, *, annotations: bool = False) -> Iterator[Cause]:
    """Keys and, unless they are annotations, values."""
    if not isinstance(labels, Mapping):
        return
    for key, value in labels.items():
        prefix, slash, name = key.rpartition("/")
        if slash and (not prefix or any(faults(path, prefix, SUBDOMAIN))):
            yield Cause(
                path, f"Invalid value: {key!r}: what is before '/' must be a DNS name, such as example.com/{name}"
            )
        elif not name or any(faults(path, name.lower() if annotations else name, VALUE)):
            yield Cause(path, f"Invalid value: {key!r}: a key must consist of {FORMS[VALUE][0]}, at most 63 of them")
        if not annotations:
            yield from faults(f"{path}[{key}]", value, VALUE)


def metadata_faults(kind: str, value: Json) -> Iterator[Cause]:
    """Of the metadata of an object."""
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        return
    form = (
        LABEL if kind in AS_LABEL else SERVICE if kind in AS_SERVICE else PATH_SEGMENT if kind in AS_PATH else SUBDOMAIN
    )
    yield from faults("metadata.name", metadata.get("name"), form)
    yield from faults("metadata.namespace", metadata.get("namespace"), LABEL)
    yield from label_faults("metadata.labels", metadata.get("labels"))
    yield from label_faults("metadata.annotations", metadata.get("annotations"), annotations=True)
    for index, each in enumerate(metadata.get("finalizers") or ()):
        if isinstance(each, str) and "/" not in each and each not in ("orphan", "foregroundDeletion", "kubernetes"):
            yield Cause(
                f"metadata.finalizers[{index}]", f"Invalid value: {each!r}: needs a domain, such as example.com/{each}"
            )
