"""Time stamps on checkpoints: a real authority (`openssl ts`, in the test), real answers, and every wrong one refused."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cityward.adapters.ledgers.timestamps import asker, roots_in, stamp_newest, stamps_of
from cityward.cli.evidence import command
from cityward.errors import EvidenceError, LinkError
from logs import log_of, put

pytest.importorskip("rfc3161_client", reason="TIME STAMPS ARE NOT TESTED HERE: the extra `timestamps` is not installed")
if shutil.which("openssl") is None:
    pytest.skip("TIME STAMPS ARE NOT TESTED HERE: there is no openssl", allow_module_level=True)

SETTINGS = """
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[stamps]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = it
[it]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256,sha512
"""


class Authority:
    """A root, a certificate for time stamping, and `openssl ts` behind an HTTP server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "ts.cnf").write_text(SETTINGS)
        (folder / "serial").write_text("01\n")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "ts.cnf"]
        self.run(
            "req", "-x509", *key, "-extensions", "root", "-subj", "/CN=Root", "-keyout", "root.key", "-out", "root.pem"
        )
        self.run("req", *key, "-subj", "/CN=TSA", "-keyout", "tsa.key", "-out", "tsa.csr")
        self.run(
            "x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-set_serial", "2",
            "-extfile", "ts.cnf", "-extensions", "stamps", "-days", "10", "-out", "tsa.pem",
        )  # fmt: skip

    def run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def answer(self, query: bytes) -> bytes:
        (self.folder / "q.tsq").write_bytes(query)
        self.run("ts", "-reply", "-config", "ts.cnf", "-queryfile", "q.tsq", "-out", "a.tsr")
        return (self.folder / "a.tsr").read_bytes()

    @property
    def root(self) -> bytes:
        return (self.folder / "root.pem").read_bytes()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="module")
def address(authority: Authority) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            body = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def entries(count: int, changed: int = -1) -> list[bytes]:
    return [b'{"at":%d}' % (i if i != changed else -i) for i in range(count)]


def log(folder: Path, count: int, changed: int = -1) -> Path:
    return put(log_of(entries(count, changed)), folder / "ledger" / "worker-0")


def test_has_a_checkpoint_stamped_and_reads_the_stamp_again(tmp_path: Path, authority: Authority, address: str):
    folder, roots = log(tmp_path, 300), roots_in(authority.root)
    stamp = stamp_newest(folder, asker(address), roots)
    assert stamp.size == 300
    assert abs(stamp.at - datetime.now(UTC)) < timedelta(minutes=10)
    log(tmp_path, 500)
    assert stamp_newest(folder, asker(address), roots).size == 500
    assert stamps_of(folder, roots)[0] == stamp
    assert [s.size for s in stamps_of(folder, roots)] == [300, 500]


def test_keeps_no_answer_of_another_authority_request_or_kind(tmp_path: Path, authority: Authority, other: Authority):
    folder, roots = log(tmp_path, 3), roots_in(authority.root)
    old: list[bytes] = []

    def replayed(query: bytes) -> tuple[int, bytes]:
        old.append(authority.answer(query))
        return 200, old[0]

    stamp_newest(folder, replayed, roots)
    shutil.rmtree(folder / "stamps")
    wrong = {
        "another authority's": lambda query: (200, other.answer(query)),
        "an answer to another request": replayed,
        "a changed answer": lambda query: (200, authority.answer(query)[:-1] + b"\0"),
        "no answer": lambda query: (200, b"nonsense"),
        "a refusal": lambda query: (200, bytes.fromhex("30053003020102")),
    }
    for what, ask in wrong.items():
        with pytest.raises(EvidenceError, match="does not verify"):
            stamp_newest(folder, ask, roots)
        assert not (folder / "stamps").exists(), what
    with pytest.raises(LinkError, match="answered 503"):
        stamp_newest(folder, lambda query: (503, b""), roots)


def test_notices_a_stamp_that_is_of_another_checkpoint(tmp_path: Path, authority: Authority, address: str):
    folder, roots = log(tmp_path, 300), roots_in(authority.root)
    stamp_newest(folder, asker(address), roots)
    (folder / "stamps" / "300.checkpoint").write_bytes(log_of(entries(300, changed=3))["checkpoint"])
    with pytest.raises(EvidenceError, match="does not verify"):
        stamps_of(folder, roots)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=False)


def test_a_log_signed_anew_is_convicted_by_what_was_stamped(tmp_path: Path, authority: Authority, address: str):
    log(tmp_path, 300)
    root = tmp_path / "root.pem"
    root.write_bytes(authority.root)
    done = run("timestamp", "--state", tmp_path, "--tsa", address, "--root", root)
    assert (done.exit_code, "worker-0" in done.output, "300 entries at " in done.output) == (0, True, True)
    done = run("timestamp", "--state", tmp_path, "--root", root)
    assert (done.exit_code, "OK" in done.output) == (0, True)
    log(tmp_path, 400, changed=10)
    done = run("timestamp", "--state", tmp_path, "--root", root)
    assert (done.exit_code, "BAD  forked" in done.output) == (1, True)


def test_an_authority_that_is_away_costs_a_stamp_and_nothing_else(tmp_path: Path, authority: Authority):
    log(tmp_path, 3)
    root = tmp_path / "root.pem"
    root.write_bytes(authority.root)
    done = run("timestamp", "--state", tmp_path, "--tsa", "http://127.0.0.1:1/", "--root", root)
    assert (done.exit_code, "did not answer" in done.output) == (1, True)


def test_a_file_without_a_certificate_is_no_root():
    with pytest.raises(EvidenceError, match="no certificate"):
        roots_in(b"nonsense")
