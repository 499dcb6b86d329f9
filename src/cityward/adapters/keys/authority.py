"""The city's own certificate authority, made on first run, and the keys that sign evidence.

    <keys>/ca.key, ca.pem              the authority; `ca.pem` is what devices trust
    <keys>/server.key, server.pem      the broker's and the web's certificate
    <keys>/sign-<name>.key             the Ed25519 key of the log <name>
    <keys>/command.key                 the Ed25519 key of commands (`commanding`)

Certificates are EC P-256 (every TLS stack a device may have speaks it); logs sign with Ed25519. No clock is read: `now`
is an argument, aware. Devices keep their own private keys; the city keeps a fingerprint.

INVARIANTS
- A private key is in a file of its owner only, and in no message, log or repr.
- The authority's key signs certificates of this city only: path length 0, and what it signs is either a server's or a
  client's, never both.
- Renewal keeps what was trusted valid: the authority is renewed with the same key, so its older certificates still hold.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cityward.adapters.keys.private import kept_private, private_folder, write_private
from cityward.errors import LinkError
from cityward.evidence.checkpoint import Signer
from cityward.ids import is_id

AUTHORITY_LASTS = timedelta(days=3650)
SERVER_LASTS = timedelta(days=365)
CLIENT_LASTS = timedelta(days=365)
BACKDATED = timedelta(hours=24)  # PRECEDENT: street devices' clocks are off by hours, rarely by a day
LONGEST_NAME = 64  # SPEC: RFC 5280 A.1, ub-common-name
RENEW_WHEN_LEFT = 1 / 3  # PRECEDENT: ACME clients renew at a third of the lifetime
ALWAYS_NAMED = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Authority:
    """The city's authority: its folder, its certificate, and the key that signs, which stays in this module."""

    folder: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def ca(self) -> Path:
        """What devices and browsers of the city trust."""
        return self.folder / "ca.pem"


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """Where a server finds its certificate and its key, and the authority that its clients trust."""

    certificate: Path
    key: Path
    ca: Path


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A device's certificate and key (PEM), and the SHA-256 of the certificate (32 bytes), which the city keeps."""

    device: str
    certificate: bytes
    key: bytes = field(repr=False)
    sha256: bytes


def open_authority(folder: Path, city: str, now: datetime) -> Authority:
    """The authority in the folder; made when there is none, renewed when little of its time is left.

    Args:
        folder: the city's `keys` folder; made for its owner only.
        city: the place's id; stands in the authority's name.
        now: aware.

    Raises:
        LinkError: a key cannot be read or written, or others may read it.
    """
    private_folder(folder)
    path, ca = folder / "ca.key", folder / "ca.pem"
    key = _ec_key(path, kept_private(path, _new_ec_key))
    certificate = _certificate(ca)
    if certificate is None or _used_up(certificate, now) or certificate.public_key() != key.public_key():
        certificate = _authority_certificate(key, city, now)
        write_private(ca, certificate.public_bytes(Encoding.PEM), mode=0o644)
    return Authority(folder, certificate, key)


def server_files(authority: Authority, names: Iterable[str], now: datetime) -> ServerFiles:
    """The certificate and key of the city's servers: for localhost and the given DNS names and addresses.

    Made anew when there is none, when little of its time is left, when a name is added, or when the authority changed.

    Raises:
        LinkError: the folder cannot be read or written, or a name is none.
    """
    files = ServerFiles(authority.folder / "server.pem", authority.folder / "server.key", authority.ca)
    key = _ec_key(files.key, kept_private(files.key, _new_ec_key))
    held, wanted = _certificate(files.certificate), {*ALWAYS_NAMED, *names}
    fit = held is not None and held.public_key() == key.public_key() and wanted <= _names_in(held)
    if held is None or not fit or _used_up(held, now) or not _is_signed_by(held, authority):
        made = _server_certificate(authority, key.public_key(), sorted(wanted), now)
        write_private(files.certificate, made.public_bytes(Encoding.PEM), mode=0o644)
    return files


def client_certificates(
    authority: Authority, devices: Sequence[str], now: datetime, lasts: timedelta = CLIENT_LASTS
) -> list[ClientCertificate]:
    """A new key and certificate for each device; its common name is the device's id. Less than a millisecond each.

    The certificate holds no alternative name: a broker that maps names to users must find `CN=<device>`, and nothing that
    could pass for one of the city's own roles.

    Raises:
        LinkError: a device's id is none.
    """
    for device in devices:
        if not is_id(device):
            raise LinkError(f"{device[:80]!r} is not a device id")
    return [_client_certificate(authority, device, now, lasts) for device in devices]


def recipient_certificate(
    authority: Authority, recipient: str, now: datetime, lasts: timedelta = CLIENT_LASTS
) -> ClientCertificate:
    """A new key and certificate for a recipient; its common name, `recipient:<id>`, can be no device's.

    Raises:
        LinkError: the id is none, or too long for a certificate's name.
    """
    named = f"recipient:{recipient}"
    if not is_id(recipient) or len(named) > LONGEST_NAME:
        what = f"{recipient[:80]!r} cannot stand in a certificate"
        raise LinkError(what, mend=f"give the recipient an id of at most {LONGEST_NAME - len('recipient:')} characters")
    return _client_certificate(authority, named, now, lasts)


def renewal_due(certificate_pem: bytes, now: datetime) -> bool:
    """Whether so little of a certificate's time is left that it should be replaced."""
    return _used_up(x509.load_pem_x509_certificate(certificate_pem), now)


def signing_key(folder: Path, name: str) -> Signer:
    """The Ed25519 key of a log, made when there is none.

    Raises:
        LinkError: the key cannot be read or written, or others may read it.
    """
    if not is_id(name):
        raise LinkError(f"{name[:80]!r} cannot name a key", mend="use the role's id")
    return signer_at(folder, f"sign-{name}.key")


def signing_keys(folder: Path, prefix: str) -> dict[str, bytes]:
    """Name (without `prefix`) -> the public half, of every key of a log that there is; none is made.

    Raises:
        LinkError: a key cannot be read, or others may read it.
    """
    found: dict[str, bytes] = {}
    for path in sorted(folder.glob(f"sign-{prefix}*.key")):
        name = path.name.removeprefix(f"sign-{prefix}").removesuffix(".key")
        found[name] = signer_at(folder, path.name).public
    return found


def signer_at(folder: Path, name: str) -> Signer:
    """The Ed25519 key in a file of the folder, made when there is none.

    Raises:
        LinkError: the key cannot be read or written, or others may read it.
    """
    private_folder(folder)
    path = folder / name
    key = _loaded(path, kept_private(path, _new_ed25519_key))
    if not isinstance(key, Ed25519PrivateKey):
        raise LinkError("not an Ed25519 key", where=str(path), mend=_RESTORE)
    return Signer(key.public_key().public_bytes_raw(), key.sign)


# -- certificates ----------------------------------------------------------------------------------------------------


def _authority_certificate(key: ec.EllipticCurvePrivateKey, city: str, now: datetime) -> x509.Certificate:
    name = _name(f"{city} authority"[:LONGEST_NAME])
    usage = _usage(digital_signature=False, signs=True)
    return (
        _builder(name, name, key.public_key(), now, AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server_certificate(
    authority: Authority, key: ec.EllipticCurvePublicKey, names: Sequence[str], now: datetime
) -> x509.Certificate:
    alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        _leaf(authority, "cityward server", key, now, SERVER_LASTS)
        .add_extension(alternatives, critical=False)
        .add_extension(purpose, critical=False)
        .sign(authority.key, hashes.SHA256())
    )


def _client_certificate(authority: Authority, device: str, now: datetime, lasts: timedelta) -> ClientCertificate:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _leaf(authority, device, key.public_key(), now, lasts)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    return ClientCertificate(device, pem, _pem(key), certificate.fingerprint(hashes.SHA256()))


def _leaf(
    authority: Authority, common_name: str, key: ec.EllipticCurvePublicKey, now: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    signer = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer)
    return (
        _builder(_name(common_name), authority.certificate.subject, key, now, lasts)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True, signs=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(issuer, critical=False)
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - BACKDATED)
        .not_valid_after(now.astimezone(UTC) + lasts)
    )


def _usage(*, digital_signature: bool, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError as error:
        mend = "give a DNS name (punycode for others than ASCII) or an address"
        raise LinkError(f"{name[:80]!r} cannot name a server", mend=mend) from error


def _names_in(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}


def _used_up(certificate: x509.Certificate, now: datetime) -> bool:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return end - now < (end - begin) * RENEW_WHEN_LEFT or now < begin


def _is_signed_by(certificate: x509.Certificate, authority: Authority) -> bool:
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except Exception:  # the library raises whatever its parser, the name or the signature check found
        return False
    return True


def _certificate(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LinkError(
            "the certificate cannot be read", where=str(path), mend="remove it: a new one is made"
        ) from error


# -- keys ------------------------------------------------------------------------------------------------------------

_RESTORE = "restore it from a copy; without it the city's devices or auditors must be given a new one"


def _new_ec_key() -> bytes:
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def _new_ed25519_key() -> bytes:
    return _pem(Ed25519PrivateKey.generate())


def _pem(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _ec_key(path: Path, pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = _loaded(path, pem)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise LinkError("not an elliptic-curve key", where=str(path), mend=_RESTORE)
    return key


def _loaded(path: Path, pem: bytes) -> object:
    try:
        return load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise LinkError("the key is damaged", where=str(path), mend=_RESTORE) from error
