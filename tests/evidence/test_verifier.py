"""The outsider's verifier: RFC 8032's vectors, and every way we know to change a log, each with what it must say."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.evidence import verifier
from cityward.evidence.checkpoint import Checkpoint, LogKey, Signer, signed
from cityward.evidence.tiles import entries_path, entry_runs, hash_writes, leaves_of, pack, unpack
from cityward.evidence.tree import CompactRange
from cityward.evidence.verifier import ed25519_valid, verify

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = Signer(PRIVATE.public_key().public_bytes_raw(), PRIVATE.sign)
ORIGIN = "doggerford/worker-0"
KEY = LogKey(ORIGIN, SIGNER.public).text()

Files = dict[str, bytes]


def log_of(entries: list[bytes]) -> Files:
    """A whole log in memory."""
    files: Files = {}
    edge = CompactRange()
    for write in hash_writes(edge, leaves_of(entries)):
        files[write.path] = files.get(write.path, b"") + write.data
    for bundle, run in entry_runs(0, entries):
        files[entries_path(bundle)] = pack(run)
    files["checkpoint"] = signed(Checkpoint(ORIGIN, len(entries), edge.root()), SIGNER)
    return files


def entries(count: int) -> list[bytes]:
    return [b'{"at":%d,"kind":"lifecycle"}' % (1000 + i) for i in range(count)]


def with_entry(files: Files, index: int, entry: bytes) -> Files:
    held, _ = unpack(files[entries_path(index // 256)])
    held[index % 256] = entry
    return files | {entries_path(index // 256): pack(held)}


# Source: RFC 8032 section 7.1, tests 1 to 3: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS, ids=["empty", "one byte", "two bytes"])
def test_accepts_the_signatures_of_the_standard_and_no_changed_one(public: str, message: str, signature: str):
    key, text, proof = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert ed25519_valid(key, text, proof)
    assert not ed25519_valid(key, text + b"x", proof)
    assert not ed25519_valid(key, text, bytes([proof[0] ^ 1]) + proof[1:])
    order = 2**252 + 27742317777372353535851937790883648493
    malleable = proof[:32] + (int.from_bytes(proof[32:], "little") + order).to_bytes(32, "little")
    assert not ed25519_valid(key, text, malleable)


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=100), st.binary(min_size=32, max_size=32), st.integers(0, 63), st.integers(0, 7))
def test_agrees_with_openssl_about_signatures(message: bytes, seed: bytes, byte: int, bit: int):
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, proof = private.public_key().public_bytes_raw(), bytearray(private.sign(message))
    assert ed25519_valid(public, message, bytes(proof))
    proof[byte] ^= 1 << bit
    assert not ed25519_valid(public, message, bytes(proof))


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_refuses_random_keys_and_signatures_without_raising(public: bytes, signature: bytes):
    assert not ed25519_valid(public, b"message", signature)


def test_imports_nothing_but_the_standard_library():
    tree = ast.parse(Path(verifier.__file__).read_text())
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in ([a.name for a in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", "")])
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported <= sys.stdlib_module_names


@pytest.mark.parametrize("count", [0, 1, 2, 255, 256, 257, 511, 512, 700, 1300])
def test_finds_nothing_wrong_with_an_honest_log(count: int):
    verdict = verify(log_of(entries(count)).get, KEY)
    assert verdict.ok, verdict
    assert (verdict.size, verdict.checked, verdict.notes) == (count, count, ())
    assert verdict.newest_at == (999 + count if count else None)


def test_finds_nothing_wrong_with_a_log_of_three_levels():
    assert verify(log_of([b"%d" % i for i in range(70_000)]).get, KEY).ok


def test_reads_partial_tiles_as_a_server_of_the_specification_names_them():
    files = log_of(entries(300))
    for path, width in [("tile/entries/001", 44), ("tile/0/001", 44), ("tile/1/000", 1)]:
        files[f"{path}.p/{width}"] = files.pop(path)
    assert verify(files.get, KEY).ok


@pytest.mark.parametrize("index", [0, 100, 255, 256, 299])
def test_names_a_changed_entry(index: int):
    verdict = verify(with_entry(log_of(entries(300)), index, b'{"at":7}').get, KEY)
    assert (verdict.ok, verdict.first_bad, verdict.file) == (False, index, entries_path(index // 256))


def test_names_the_first_of_several_changed_entries():
    files = with_entry(with_entry(log_of(entries(900)), 700, b"x"), 300, b"y")
    assert verify(files.get, KEY).first_bad == 300


@pytest.mark.parametrize("index", [0, 100, 255, 256, 298])
def test_names_where_an_entry_was_removed(index: int):
    files = log_of(entries(300))
    held, _ = unpack(files[entries_path(index // 256)])
    del held[index % 256]
    verdict = verify((files | {entries_path(index // 256): pack(held)}).get, KEY)
    assert (verdict.ok, verdict.first_bad) == (False, index)


def test_names_where_entries_were_swapped():
    files = log_of(entries(300))
    held, _ = unpack(files[entries_path(0)])
    held[40], held[41] = held[41], held[40]
    assert verify((files | {entries_path(0): pack(held)}).get, KEY).first_bad == 40


def test_names_the_first_entry_that_is_missing():
    files = log_of(entries(600))
    assert verify({p: d for p, d in files.items() if p != "tile/entries/001"}.get, KEY).first_bad == 256
    torn = files | {"tile/entries/002": files["tile/entries/002"][:-3]}
    verdict = verify(torn.get, KEY)
    assert (verdict.first_bad, verdict.file) == (599, "tile/entries/002")


def test_tells_a_damaged_tile_from_a_bad_entry():
    files = log_of(entries(900))
    for path in ("tile/0/001", "tile/0/003", "tile/1/000"):
        damaged = bytearray(files[path])
        damaged[37] ^= 4
        verdict = verify((files | {path: bytes(damaged)}).get, KEY)
        assert (verdict.ok, verdict.file) == (False, path)
        assert "all entries are right" in verdict.what
    verdict = verify({p: d for p, d in files.items() if p != "tile/1/000"}.get, KEY)
    assert (verdict.ok, verdict.file) == (False, "tile/1/000")


def test_notices_an_entry_rewritten_together_with_its_hash():
    forged = entries(900)
    forged[300] = b"forged"
    files, other = log_of(entries(900)), log_of(forged)
    verdict = verify((files | {p: other[p] for p in ("tile/entries/001", "tile/0/001")}).get, KEY)
    assert (verdict.ok, verdict.first_bad) == (False, 256)  # to the tile, since its own hashes are forged too


def test_notices_a_rewrite_of_everything_but_the_signature():
    forged = entries(900)
    forged[300] = b"forged"
    verdict = verify((log_of(forged) | {"checkpoint": log_of(entries(900))["checkpoint"]}).get, KEY)
    assert (verdict.ok, verdict.first_bad, verdict.file) == (False, 0, "checkpoint")
    synced = {"checkpoint.synced": log_of(entries(280))["checkpoint"]}
    verdict = verify((log_of(forged) | synced | {"checkpoint": log_of(entries(900))["checkpoint"]}).get, KEY)
    assert verdict.first_bad == 280  # an earlier root vouches for those before


def test_notices_another_key():
    other = Ed25519PrivateKey.from_private_bytes(b"\1" * 32).public_key().public_bytes_raw()
    verdict = verify(log_of(entries(3)).get, LogKey(ORIGIN, other).text())
    assert not verdict.ok
    assert "no valid signature" in verdict.what


def test_notices_a_log_cut_below_an_earlier_checkpoint():
    earlier = log_of(entries(900))["checkpoint"]
    verdict = verify(log_of(entries(700)).get, KEY, [earlier])
    assert (verdict.ok, verdict.first_bad) == (False, 700)
    assert "900" in verdict.what


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 899, 900])
def test_accepts_every_earlier_checkpoint_of_the_same_log(size: int):
    assert verify(log_of(entries(900)).get, KEY, [log_of(entries(size))["checkpoint"]]).ok


@pytest.mark.parametrize("size", [1, 256, 300, 512, 900])
def test_notices_a_log_signed_anew_with_another_past(size: int):
    forged = entries(900)
    forged[0] = b"forged"
    verdict = verify(log_of(forged).get, KEY, [log_of(entries(size))["checkpoint"]])
    assert not verdict.ok
    assert "another history" in verdict.what


def test_notes_a_torn_tail_without_calling_what_is_signed_bad():
    files = log_of(entries(300))
    for tail, words in [
        (b"\x00\x05ab", "4 bytes of a torn one"),
        (pack([b"whole"]), "1 unsigned entries"),
        (b"\0" * 99, "99 bytes"),
    ]:
        verdict = verify((files | {"tile/entries/001": files["tile/entries/001"] + tail}).get, KEY)
        assert verdict.ok
        assert words in verdict.notes[0]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_notices_any_flipped_bit_of_any_file(data: st.DataObject):
    files = HONEST | {"checkpoint.synced": log_of(entries(256))["checkpoint"]}
    path = data.draw(st.sampled_from(sorted(files)))
    changed = bytearray(files[path])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    verdict = verify((files | {path: bytes(changed)}).get, KEY)
    assert not verdict.ok
    assert verdict.file is not None


HONEST = log_of(entries(600))


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(sorted(HONEST)), st.binary(max_size=400))
def test_raises_nothing_whatever_a_file_holds(path: str, data: bytes):
    assert not verify((HONEST | {path: data}).get, KEY).ok


@pytest.mark.parametrize("key", ["", "a+b", "a+b+c", KEY[:-1], KEY.replace("+", "-"), "é+é+é", KEY + "\n\n+"])
def test_says_so_when_the_key_is_not_one(key: str):
    verdict = verify(HONEST.get, key)
    assert not verdict.ok
    assert "key" in verdict.what


def test_runs_alone_as_a_copied_file(tmp_path: Path):
    log, copy = tmp_path / "log", tmp_path / "check.py"
    for path, data in HONEST.items():
        (log / path).parent.mkdir(parents=True, exist_ok=True)
        (log / path).write_bytes(data)
    copy.write_text(Path(verifier.__file__).read_text())

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", str(copy), *arguments], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout

    assert run(str(log), KEY)[0] == 0
    assert run()[0] == 2
    (log / "tile/entries/001").write_bytes(with_entry(HONEST, 300, b"forged")["tile/entries/001"])
    code, said = run(str(log), KEY, str(log / "checkpoint"))
    assert code == 1
    assert '"first_bad": 300' in said
