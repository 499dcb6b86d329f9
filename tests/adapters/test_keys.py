"""The city's keys: in files only their owner reads, made once, renewed in time; secrets nobody chose."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bcrypt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cityward.adapters.keys.authority import (
    AUTHORITY_LASTS,
    SERVER_LASTS,
    client_certificates,
    open_authority,
    renewal_due,
    server_files,
    signing_key,
)
from cityward.adapters.keys.bundle import DeviceSecret, forget_secret, read_secret, write_secrets
from cityward.adapters.keys.private import kept_private, read_private, write_private
from cityward.adapters.keys.secrets import bcrypt_of, issue, new_secret, sha256_of
from cityward.adapters.street.credentials import http_key_of, password_of
from cityward.errors import LinkError

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def loaded(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_keeps_every_private_file_for_its_owner_only(tmp_path: Path):
    authority = open_authority(tmp_path / "keys", "doggerford", NOW)
    server_files(authority, [], NOW)
    signing_key(tmp_path / "keys", "worker-0")
    write_secrets(tmp_path / "keys" / "devices", [DeviceSecret(device="lamp-1", password="p")])
    for path in (tmp_path / "keys").rglob("*"):
        wanted = 0o700 if path.is_dir() else 0o644 if path.suffix == ".pem" else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_makes_the_authority_once_and_uses_it_again(tmp_path: Path):
    first = open_authority(tmp_path, "doggerford", NOW).certificate
    assert open_authority(tmp_path, "doggerford", NOW + timedelta(days=30)).certificate == first
    constraints = first.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)


def test_names_the_server_as_localhost_and_as_it_is_told(tmp_path: Path):
    path = server_files(open_authority(tmp_path, "d", NOW), ["broker.doggerford.example", "192.0.2.7"], NOW).certificate
    names = loaded(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"localhost", "broker.doggerford.example"}
    assert {str(a) for a in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1", "192.0.2.7"}


def test_keeps_the_server_certificate_until_it_must_change(tmp_path: Path):
    authority = open_authority(tmp_path, "d", NOW)

    def made(names: list[str], now: datetime) -> x509.Certificate:
        return loaded(server_files(authority, names, now).certificate)

    first = made(["a.example"], NOW)
    assert made(["a.example"], NOW + SERVER_LASTS / 2) == first
    assert made([], NOW) == first
    more = made(["a.example", "b.example"], NOW)
    assert more != first
    assert made(["b.example"], NOW) == more
    renewed = made(["b.example"], NOW + SERVER_LASTS * 0.8)
    assert renewed.not_valid_after_utc > NOW + SERVER_LASTS
    assert renewed.public_key() == first.public_key()


def test_renews_the_authority_with_the_same_key_so_that_older_certificates_still_hold(tmp_path: Path):
    authority = open_authority(tmp_path, "d", NOW)
    [client] = client_certificates(authority, ["lamp-1"], NOW, lasts=AUTHORITY_LASTS)
    first = authority.certificate
    renewed = open_authority(tmp_path, "d", NOW + AUTHORITY_LASTS * 0.9).certificate
    assert renewed.not_valid_after_utc > first.not_valid_after_utc
    x509.load_pem_x509_certificate(client.certificate).verify_directly_issued_by(renewed)


def test_replaces_a_server_certificate_of_another_authority(tmp_path: Path):
    path = server_files(open_authority(tmp_path, "d", NOW), [], NOW).certificate
    before = loaded(path)
    (tmp_path / "ca.key").unlink()
    server_files(open_authority(tmp_path, "d", NOW), [], NOW)
    loaded(path).verify_directly_issued_by(loaded(tmp_path / "ca.pem"))
    assert loaded(path) != before


def test_issues_client_certificates_that_name_the_device_and_nothing_else(tmp_path: Path):
    devices = [f"lamp-{i}" for i in range(300)]
    issued = client_certificates(open_authority(tmp_path, "d", NOW), devices, NOW)
    certificates = [x509.load_pem_x509_certificate(one.certificate) for one in issued]
    assert [c.subject.rfc4514_string() for c in certificates] == [f"CN={d}" for d in devices]
    assert len({c.serial_number for c in certificates}) == len({one.sha256 for one in issued}) == 300
    with pytest.raises(x509.ExtensionNotFound):
        certificates[0].extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert not renewal_due(issued[0].certificate, NOW + timedelta(days=200))
    assert renewal_due(issued[0].certificate, NOW + timedelta(days=300))


@pytest.mark.parametrize("device", ["", "../ca", "Lamp", "a/b", "a b", "lamp\n"])
def test_refuses_a_device_id_that_is_none(tmp_path: Path, device: str):
    with pytest.raises(LinkError, match="device id"):
        client_certificates(open_authority(tmp_path, "d", NOW), [device], NOW)
    with pytest.raises(LinkError, match="device id"):
        read_secret(tmp_path, device)
    with pytest.raises(LinkError, match="cannot name"):
        signing_key(tmp_path, device)


def test_refuses_a_server_name_that_is_none(tmp_path: Path):
    with pytest.raises(LinkError, match="cannot name a server"):
        server_files(open_authority(tmp_path, "d", NOW), ["straße.example"], NOW)


def test_signs_with_the_same_key_after_a_restart(tmp_path: Path):
    first, again = signing_key(tmp_path, "worker-0"), signing_key(tmp_path, "worker-0")
    assert first.public == again.public
    Ed25519PublicKey.from_public_bytes(again.public).verify(first.sign(b"text"), b"text")
    assert signing_key(tmp_path, "web").public != first.public


def test_says_so_when_a_key_is_damaged_or_of_another_kind(tmp_path: Path):
    write_private(tmp_path / "sign-web.key", b"-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(LinkError, match="damaged"):
        signing_key(tmp_path, "web")
    open_authority(tmp_path, "d", NOW)
    write_private(tmp_path / "sign-web.key", (tmp_path / "ca.key").read_bytes())
    with pytest.raises(LinkError, match="not an Ed25519 key"):
        signing_key(tmp_path, "web")


def test_refuses_a_private_file_that_others_may_read(tmp_path: Path):
    write_private(tmp_path / "key", b"secret")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(LinkError, match="others than its owner"):
        read_private(tmp_path / "key")


def test_lets_one_of_several_beginners_win_and_all_use_its_key(tmp_path: Path):
    with ThreadPoolExecutor(8) as crowd:
        keys = set(crowd.map(lambda i: kept_private(tmp_path / "key", lambda: b"%d" % i), range(8)))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


# -- secrets ---------------------------------------------------------------------------------------------------------


def test_makes_secrets_of_192_bits_that_fit_a_url():
    made = {new_secret() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(secret) == 32 and secret.replace("-", "").replace("_", "").isalnum() for secret in made)


def test_hashes_a_secret_so_that_only_it_passes():
    secret = new_secret()
    hashed = bcrypt_of(secret).encode()
    assert bcrypt.checkpw(secret.encode(), hashed)
    assert not bcrypt.checkpw(new_secret().encode(), hashed)
    assert sha256_of(secret).hex() not in secret
    assert len(sha256_of(secret)) == 32


@pytest.mark.parametrize("secret", ["", "short", "x" * 73])
def test_refuses_to_hash_what_is_no_secret_of_ours(secret: str):
    with pytest.raises(ValueError, match="32 to 72 bytes"):
        bcrypt_of(secret)


def test_issues_hundreds_at_once_each_its_own(tmp_path: Path):
    issued = issue([f"lamp-{i}" for i in range(300)], 5)
    write_secrets(tmp_path, (secret for secret, _ in issued))
    assert len({secret.password for secret, _ in issued}) == 300
    for secret, row in issued[:3]:
        assert secret.password is not None
        assert (row.device, row.state, row.issued_at) == (secret.device, "active", 5)
        assert row.key_sha256 == sha256_of(secret.password)
        assert bcrypt.checkpw(secret.password.encode(), (row.password_bcrypt or "").encode())
        assert read_secret(tmp_path, secret.device) == secret
        assert (password_of(tmp_path, secret.device), http_key_of(tmp_path, secret.device)) == (secret.password,) * 2


def test_never_prints_a_secret(tmp_path: Path):
    [(secret, row)] = issue(["lamp-1"], 0)
    [client] = client_certificates(open_authority(tmp_path, "d", NOW), ["lamp-1"], NOW)
    assert secret.password is not None
    for shown in (repr(secret), str(secret), repr(row), repr(client)):
        assert secret.password not in shown
        assert "PRIVATE" not in shown


def test_forgets_a_secret(tmp_path: Path):
    write_secrets(tmp_path, [DeviceSecret(device="lamp-1", password="p")])
    forget_secret(tmp_path, "lamp-1")
    forget_secret(tmp_path, "lamp-1")
    assert read_secret(tmp_path, "lamp-1") is None


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"{", "damaged"), (b'{"device":"lamp-2"}', "lamp-2"), (b'{"device":"lamp-1","x":1}', "damaged")],
    ids=["not JSON", "another's", "unknown field"],
)
def test_refuses_a_secret_file_that_is_not_the_devices(tmp_path: Path, data: bytes, words: str):
    write_private(tmp_path / "lamp-1.json", data)
    with pytest.raises(LinkError, match=words):
        read_secret(tmp_path, "lamp-1")
