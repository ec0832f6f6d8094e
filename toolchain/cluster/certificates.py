"""The certificates of a cluster: one authority, and who its programs are to each other."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID = datetime.timedelta(days=365)
CLOCKS_DIFFER = datetime.timedelta(hours=1)


class Authority:
    """Keeps what it has issued in ``folder`` and issues nothing twice, so that what is up goes on trusting it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "ca.crt").exists():
            key = ec.generate_private_key(ec.SECP256R1())
            self._keep("ca", key, _certificate(_name("ai-datacenter cluster"), key, None, []))
        self._key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
        self._name = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes()).subject

    def issue(self, file: str, user: str, group: str = "", hosts: tuple[str, ...] = ()) -> None:
        """``FILE.crt`` and ``FILE.key``, for a server at ``hosts`` or a client that is ``user`` in ``group``."""
        if not (self.folder / f"{file}.crt").exists():
            key = ec.generate_private_key(ec.SECP256R1())
            self._keep(file, key, _certificate(_name(user, group), key, (self._name, self._key), list(hosts)))

    def service_accounts(self) -> None:
        """``accounts.key`` and ``accounts.pub``, which sign and verify the tokens of service accounts."""
        if not (self.folder / "accounts.pub").exists():
            key = ec.generate_private_key(ec.SECP256R1())
            write_secret(self.folder / "accounts.key", _pem(key))
            form = serialization.PublicFormat.SubjectPublicKeyInfo
            (self.folder / "accounts.pub").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))

    def kubeconfig(self, file: str, server: str) -> str:
        """The client settings of whom ``FILE.crt`` is for; complete in themselves. JSON is YAML."""
        encoded = {
            each: base64.b64encode((self.folder / each).read_bytes()).decode()
            for each in ("ca.crt", f"{file}.crt", f"{file}.key")
        }
        cluster = {"server": server, "certificate-authority-data": encoded["ca.crt"]}
        user = {"client-certificate-data": encoded[f"{file}.crt"], "client-key-data": encoded[f"{file}.key"]}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "cluster",
                "clusters": [{"name": "cluster", "cluster": cluster}],
                "users": [{"name": file, "user": user}],
                "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": file}}],
            }
        )

    def _keep(self, file: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        write_secret(self.folder / f"{file}.key", _pem(key))
        (self.folder / f"{file}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def write_secret(file: Path, content: bytes) -> None:
    """Writes what only this user may read, as a whole; not what is there already: some programs watch their files."""
    if file.exists() and file.read_bytes() == content:
        return
    partial = file.with_name(f".{file.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:
        sink.write(content)
    partial.rename(file)


def _certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None,
    hosts: list[str],
) -> x509.Certificate:
    """Signed by ``issuer``; an authority's own without one."""
    signer, signing_key = issuer or (subject, key)
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + VALID)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if hosts:
        names = [_host(each) for each in hosts]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signing_key, hashes.SHA256())


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(user: str, group: str = "") -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
