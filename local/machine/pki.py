"""Certificate authorities, certificates and tokens of the local cluster, created once a state folder."""

import datetime
import ipaddress
import secrets
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local.machine.files import write_atomically

VALID_DAYS = 3650
USERS = {
    "admin": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
}
"""Users with a token, and the group of each."""

AUTHORITY_USAGE = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, kw_only=True)
class Pki:
    """Paths in one folder. Only the owner can read private keys and tokens.

    etcd has an authority of its own: a certificate of the cluster's authority must not give access to etcd.
    """

    folder: Path

    @property
    def authority(self) -> Path:
        """Signs the certificates of the API server and the load balancers; its key is `ca.key`."""
        return self.folder / "ca.crt"

    @property
    def store_authority(self) -> Path:
        """Signs the certificate that etcd and the API server share."""
        return self.folder / "etcd-ca.crt"

    def certificate(self, name: str) -> Path:
        """The certificate `apiserver` or `etcd`."""
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """The private key `apiserver`, `etcd` or `service-accounts`."""
        return self.folder / f"{name}.key"

    @property
    def tokens(self) -> Path:
        """The API server's token file."""
        return self.folder / "tokens.csv"

    def token(self, user: str) -> str:
        """The bearer token of a user in USERS."""
        lines = (line.split(",") for line in self.tokens.read_text().splitlines())
        return next(token for token, name, *_ in lines if name == user)


def ensure(folder: Path, hosts: Collection[str]) -> Pki:
    """Create the folder with its content if it is missing.

    `hosts` are the addresses and names of the API server. When they change, only its certificate is renewed.
    """
    if not folder.exists():
        temporary = folder.with_name(f".{folder.name}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True, mode=0o700)
        _create(Pki(folder=temporary), hosts)
        temporary.rename(folder)
    pki = Pki(folder=folder)
    certificate = x509.load_pem_x509_certificate(pki.certificate("apiserver").read_bytes())
    present = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if present != x509.SubjectAlternativeName(_names(hosts)):
        _issue(folder, "ca", "apiserver", hosts)
    return pki


def _create(pki: Pki, hosts: Collection[str]) -> None:
    for name in ("ca", "etcd-ca"):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"digital-agency-local-{name}")])
        builder = (
            _builder(subject, subject, key, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(AUTHORITY_USAGE, critical=True)
        )
        _write(pki.folder, name, key, builder.sign(key, hashes.SHA256()))
    _issue(pki.folder, "ca", "apiserver", hosts)
    _issue(pki.folder, "etcd-ca", "etcd", ["127.0.0.1", "localhost"])
    write_atomically(pki.key("service-accounts"), _pem(ec.generate_private_key(ec.SECP256R1())))
    lines = [f'{secrets.token_urlsafe(32)},{user},{user},"{group}"\n' for user, group in USERS.items()]
    write_atomically(pki.tokens, "".join(lines))


def sign(folder: Path, hosts: Collection[str]) -> tuple[str, str]:
    """Certificate and key, as PEM, for a server at `hosts`, signed by the cluster's authority in `folder`."""
    key, certificate = _signed(folder / "ca", "server", hosts)
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), _pem(key)


def _issue(folder: Path, authority: str, name: str, hosts: Collection[str]) -> None:
    """Write a certificate for a server at `hosts` that is also a client certificate."""
    _write(folder, name, *_signed(folder / authority, name, hosts))


def _signed(
    authority: Path, name: str, hosts: Collection[str]
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    pem = authority.with_suffix(".key").read_bytes()
    issuer_key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{authority}.key is not an elliptic curve key")
    issuer = x509.load_pem_x509_certificate(authority.with_suffix(".crt").read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = (
        _builder(subject, issuer.subject, key, issuer_key)
        .add_extension(x509.SubjectAlternativeName(_names(hosts)), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    )
    return key, builder.sign(issuer_key, hashes.SHA256())


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    """With the key identifiers that strict verifiers, as Python 3.13 by default, require."""
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )


def _names(hosts: Collection[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return names


def _write(folder: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    # The key first: after a crash in between, the names in the old certificate cause a renewal.
    write_atomically(folder / f"{name}.key", _pem(key))
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    write_atomically(folder / f"{name}.crt", pem, mode=0o644)


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    encryption = serialization.NoEncryption()
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, encryption
    ).decode()
