"""Evidence bundles: the same bytes each time, checked by the two copied files alone, and what is found when one is changed."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.adapters.ledgers.bundling import Selection, excerpt_of, verifier_texts
from cityward.adapters.ledgers.witnessing import keep_witnessed
from cityward.errors import EvidenceError
from cityward.evidence import bundle as bundles
from cityward.evidence.bundle import bundle_of, is_about
from cityward.evidence.cosignature import WitnessKey, cosigned
from cityward.evidence.verify_bundle import BundleVerdict, verify_bundle
from logs import log_of, put, signer, tree_head

CLERK = signer(7)
CLERK_KEY = WitnessKey("witness.example/clerk", CLERK.public)
KEY = log_of([])["log.vkey"].decode().strip()
OTHER_KEY = log_of([], seed=2)["log.vkey"].decode().strip()

Members = dict[str, bytes]


def entries(count: int) -> list[bytes]:
    return [b'{"at":%d,"declaration":"d1","device":"lamp-%d","kind":"x"}' % (i, i % 10) for i in range(count)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 700 entries, co-signed when it had 650."""
    log = put(log_of(entries(700)), tmp_path_factory.mktemp("bundle") / "worker-0")
    note = log_of(entries(650))["checkpoint"]
    keep_witnessed(log, CLERK_KEY, note + cosigned(note, CLERK_KEY.name, CLERK, 1_790_000_000).encode())
    return log


@pytest.fixture(scope="module")
def data(folder: Path) -> bytes:
    return made(folder, Selection(250, 262))


def made(folder: Path, selection: Selection) -> bytes:
    return bundle_of([excerpt_of(folder, selection)], {"about": selection.about}, "d2", verifier_texts())


def members(data: bytes) -> Members:
    with tarfile.open(fileobj=BytesIO(data)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def packed(parts: Members) -> bytes:
    return bundles._packed(parts)  # pyright: ignore[reportPrivateUsage]


def judged(data: bytes, *keys: str, quorum: int = 0) -> BundleVerdict:
    return verify_bundle(BytesIO(data), keys or (KEY,), [CLERK_KEY.text()], quorum)


def test_proves_a_range_and_who_vouches_for_it(data: bytes):
    verdict = judged(data, quorum=1)
    assert verdict.ok, verdict
    [log] = verdict.logs
    assert (log.entries, log.first, log.last, log.whole, log.size) == (12, 250, 261, True, 700)
    assert [(w.name, w.size) for w in log.witnesses] == [("witness.example/clerk", 650)]


def test_is_the_same_bytes_each_time_and_names_no_machine(folder: Path, data: bytes):
    assert made(folder, Selection(250, 262)) == data
    with tarfile.open(fileobj=BytesIO(data)) as tar:
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in tar} == {(0, 0, 0, "", "", 0o644)}


def test_says_in_its_manifest_what_was_asked_and_what_is_in_it(data: bytes):
    manifest = json.loads(members(data)["manifest.json"])
    assert (manifest["declaration"], manifest["declarations_of_entries"]) == ("d2", ["d1"])
    log = manifest["logs"]["doggerford-worker-0"]
    assert (log["entries"], log["root"]) == (list(range(250, 262)), tree_head(entries(700)).hex())


def test_gathers_what_is_about_something(folder: Path):
    found = [one.index for one in excerpt_of(folder, Selection(0, 50, "lamp-7")).entries]
    assert found == [7, 17, 27, 37, 47]
    assert [one.index for one in excerpt_of(folder, Selection(about="worker-0:612")).entries] == [612]


@pytest.mark.parametrize(
    ("entry", "what", "about"),
    [
        (b'{"device":"lamp-07"}', "lamp-07", True),
        (b'{"device":"lamp-071"}', "lamp-07", False),
        (b'{"subject":"unit:lamp-07"}', "lamp-07", True),
        (b'{"sources":["a","lamp-07"]}', "lamp-07", True),
        (b'{"what":{"lamp-07":3}}', "lamp-07", True),
        (b'{"why":"lamp-07 was dark"}', "lamp-07", False),
        (b"lamp-07 is no JSON", "lamp-07", False),
    ],
)
def test_a_name_is_a_whole_text_of_a_record(entry: bytes, what: str, about: bool):
    assert is_about(entry, "worker-0:1", what) is about


def test_refuses_more_than_fits_instead_of_cutting(folder: Path):
    with pytest.raises(EvidenceError, match="more than 100"):
        excerpt_of(folder, Selection(), most=100)


def test_makes_no_bundle_of_a_log_that_is_not_as_it_was_signed(folder: Path, tmp_path: Path):
    files = log_of(entries(300))
    files["tile/entries/000"] = files["tile/entries/000"].replace(b"lamp-7", b"lamp-8", 1)
    with pytest.raises(EvidenceError, match="inclusion proof"):
        excerpt_of(put(files, tmp_path / "log"), Selection(0, 20))


ENTRY = "logs/doggerford-worker-0/entries/000000000255"


def without(parts: Members, *names: str) -> Members:
    return {name: data for name, data in parts.items() if name not in names}


def changed(parts: Members, name: str, old: bytes, new: bytes) -> Members:
    assert old in parts[name]
    return parts | {name: parts[name].replace(old, new, 1)}


def resigned(parts: Members) -> Members:
    """All of it made anew under another key."""
    other = log_of(entries(700), seed=2)
    again = {name: data.replace(parts[CHECKPOINT], other["checkpoint"]) for name, data in parts.items()}
    again = without(again, *(name for name in again if "witnessed" in name))
    return again | {"logs/doggerford-worker-0/key": other["log.vkey"]}


CHECKPOINT = "logs/doggerford-worker-0/checkpoint"
WITNESSED = "logs/doggerford-worker-0/witnessed/0"


def other_history(parts: Members) -> Members:
    """The co-signed checkpoint is of another history that the same key signed."""
    note = log_of([b"other", *entries(649)])["checkpoint"]
    line = cosigned(note, CLERK_KEY.name, CLERK, 1_790_000_000).encode()
    return parts | {f"{WITNESSED}.checkpoint": note + line}


def forged_line(parts: Members) -> Members:
    note = parts[f"{WITNESSED}.checkpoint"]
    line = cosigned(log_of(entries(3))["checkpoint"], CLERK_KEY.name, CLERK, 1_790_000_000).encode()
    return parts | {f"{WITNESSED}.checkpoint": note[: note.rindex("\u2014".encode())] + line}


TAMPERING = {
    "edited": (lambda p: changed(p, f"{ENTRY}.json", b"lamp-5", b"lamp-6"), "edited"),
    "exchanged": (lambda p: p | {f"{ENTRY}.json": p[ENTRY[:-1] + "4.json"]}, "edited"),
    "another index": (lambda p: changed(p, f"{ENTRY}.proof", b"index 255", b"index 254"), "unreadable"),
    "dropped": (lambda p: without(p, f"{ENTRY}.json"), "dropped"),
    "dropped, from the manifest too": (
        lambda p: changed(without(p, f"{ENTRY}.json"), "manifest.json", b"255,", b""),
        "dropped",
    ),
    "put in": (lambda p: p | {f"{ENTRY[:-3]}999.json": b"{}"}, "inserted"),
    "another file": (lambda p: p | {"../../etc/passwd": b""}, "inserted"),
    "no proof": (lambda p: without(p, f"{ENTRY}.proof"), "unreadable"),
    "re-signed": (resigned, "re-signed"),
    "checkpoint edited": (lambda p: changed(p, CHECKPOINT, b"\n700\n", b"\n701\n"), "edited"),
    "another history witnessed": (other_history, "forked"),
    "cosignature forged": (forged_line, "cosignature-forged"),
    "no witness": (lambda p: without(p, f"{WITNESSED}.checkpoint", f"{WITNESSED}.proof"), "unwitnessed"),
    "no manifest": (lambda p: without(p, "manifest.json"), "unreadable"),
}


@pytest.mark.parametrize(("tamper", "kind"), TAMPERING.values(), ids=TAMPERING.keys())
def test_finds_what_was_done_to_a_bundle(tamper, kind: str, data: bytes):
    verdict = judged(packed(tamper(members(data))), quorum=1)
    assert (verdict.ok, verdict.kind) == (False, kind), verdict


def member(name: str, size: int, kind: bytes = tarfile.REGTYPE, **pax: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.pax_headers = size, kind, pax
    return info


def test_what_unpacks_to_more_than_it_weighs_is_not_unpacked():
    """Each member weighs a kilobyte and says to be a sparse file of a megabyte: 50,000 of them would be 50 GB."""
    sparse = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(1 << 20), "GNU.sparse.name": ""}
    file = BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for n in range(300):
            name = f"logs/worker-0/entries/{n:012d}.json"
            tar.addfile(member(name, 1, **{**sparse, "GNU.sparse.name": name}), BytesIO(b"x"))
    verdict = judged(file.getvalue())
    assert (verdict.kind, "no file" in verdict.what) == ("unreadable", True), verdict


def test_headers_of_headers_without_end_are_a_verdict_and_no_fault():
    data = b""
    for _ in range(3000):
        record = b"11 path=abc\n"
        data += member("x", len(record), tarfile.XHDTYPE).tobuf(tarfile.USTAR_FORMAT) + record.ljust(512, b"\0")
    verdict = judged(data + bytes(1024))
    assert (verdict.ok, verdict.kind) == (False, "unreadable")


def test_two_histories_of_one_log_under_two_names_are_a_fork(data: bytes, tmp_path: Path):
    forked = put(log_of([b"{}", *entries(700)]), tmp_path / "worker-1")  # signed by the same key, under the same origin
    both = members(data) | {
        name.replace("worker-0", "worker-1"): part
        for name, part in members(made(forked, Selection(250, 262))).items()
        if name.startswith("logs/")
    }
    manifest = json.loads(both["manifest.json"])
    [about] = manifest["logs"].values()
    manifest["logs"] = {name.split("/")[1]: about for name in both if name.startswith("logs/")}
    both["manifest.json"] = json.dumps(manifest).encode()
    assert judged(packed(both)).kind == "forked"


@pytest.mark.parametrize(
    "listed", ["", '"worker-0":{"entries":[]}', '"worker-0":{"entries":["a",1]}', '"worker-0":{"entries":[1.5]}']
)
def test_a_manifest_that_lists_nothing_or_rubbish_makes_no_good_bundle(listed: str, data: bytes):
    verdict = judged(packed(members(data) | {"manifest.json": b'{"logs":{%s}}' % listed.encode()}))
    assert not verdict.ok


def test_a_bundle_without_any_log_proves_nothing_and_is_not_fine():
    verdict = judged(packed({"manifest.json": b'{"logs":{}}'}), quorum=1)
    assert (verdict.ok, verdict.kind) == (False, "dropped")


def test_asks_for_the_key_of_every_log(data: bytes):
    verdict = judged(data, log_of([], origin="other/log")["log.vkey"].decode())
    assert (verdict.ok, "no key was given for doggerford/worker-0" in verdict.what) == (False, True)
    assert judged(data, OTHER_KEY).kind == "re-signed"


def test_tells_that_it_judged_by_the_keys_in_the_bundle(data: bytes):
    verdict = verify_bundle(BytesIO(data))
    assert (verdict.ok, verdict.logs[0].own_key) == (True, True)


@settings(max_examples=80, deadline=None)
@given(draw=st.data())
def test_notices_any_flipped_bit_of_an_entry_or_proof(draw: st.DataObject, data: bytes):
    parts = members(data)
    name = draw.draw(st.sampled_from([n for n in sorted(parts) if "/entries/" in n or n.endswith("/checkpoint")]))
    flipped = bytearray(parts[name])
    flipped[draw.draw(st.integers(0, len(flipped) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    assert not judged(packed(parts | {name: bytes(flipped)})).ok


@settings(max_examples=60, deadline=None)
@given(noise=st.binary(max_size=2000), at=st.integers(0, 30_000))
def test_any_bytes_get_a_verdict(noise: bytes, at: int, data: bytes):
    assert not verify_bundle(BytesIO(noise), [KEY]).ok
    verify_bundle(BytesIO(data[:at] + noise + data[at + len(noise) :]), [KEY])


def test_runs_alone_with_the_two_files_out_of_the_bundle(data: bytes, tmp_path: Path):
    (tmp_path / "b.tar").write_bytes(data)
    for name in ("verifier.py", "verify_bundle.py"):
        (tmp_path / name).write_bytes(members(data)[name])

    def run(*arguments: str) -> tuple[int, str]:
        argv = [sys.executable, "-E", "-s", str(tmp_path / "verify_bundle.py"), *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/")
        return done.returncode, done.stdout

    code, said = run(str(tmp_path / "b.tar"), KEY, "--witness", CLERK_KEY.text(), "--witnesses", "1")
    assert (code, json.loads(said)["ok"]) == (0, True)
    assert run(str(tmp_path / "b.tar"), OTHER_KEY)[0] == 1
    assert run()[0] == 2


def test_the_two_files_import_nothing_but_the_standard_library(data: bytes):
    import ast

    for name in ("verifier.py", "verify_bundle.py"):
        tree = ast.parse(members(data)[name])
        names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        foreign = {n for n in names if n.partition(".")[0] not in sys.stdlib_module_names}
        assert foreign <= {"verifier", "cityward.evidence.verifier"}
