"""The log in real files: durable, one writer, opened again after kill -9, a full disk and a power cut's leavings."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.adapters.ledgers import files
from cityward.adapters.ledgers.files import FileLedger
from cityward.adapters.ledgers.reading import (
    entries_of,
    folder_reader,
    key_of,
    ledgers_under,
    proof_of,
    signed_state,
    tail_of,
)
from cityward.errors import EvidenceError, LinkError
from cityward.evidence.checkpoint import Signer
from cityward.evidence.records import Lifecycle
from cityward.evidence.tiles import entries_path, pack
from cityward.evidence.tree import check_inclusion, leaf_hash
from cityward.evidence.verifier import Verdict, verify

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = Signer(PRIVATE.public_key().public_bytes_raw(), PRIVATE.sign)
ORIGIN = "doggerford/worker-0"


def record(number: int, text: str = "") -> Lifecycle:
    return Lifecycle(at=number, by="worker-0", event="test", detail={"n": str(number), "text": text})


def opened(folder: Path) -> FileLedger:
    return FileLedger(folder, ORIGIN, SIGNER)


def checked(folder: Path, *earlier: bytes) -> Verdict:
    return verify(folder_reader(folder), key_of(folder).text(), earlier)


def test_names_entries_by_the_last_part_of_the_origin_and_their_index(tmp_path: Path):
    with opened(tmp_path) as ledger:
        assert ledger.append([record(0), record(1)]) == ["worker-0:0", "worker-0:1"]
        assert ledger.append([]) == []
        assert ledger.append([record(2)]) == ["worker-0:2"]


@pytest.mark.parametrize("chunk", [1, 5, 255, 256, 257, 1000])
def test_holds_what_was_appended_however_it_was_cut_and_reopened(tmp_path: Path, chunk: int):
    records = [record(i) for i in range(1100)]
    for half in (records[:600], records[600:]):
        with opened(tmp_path) as ledger:
            for at in range(0, len(half), chunk):
                ledger.append(half[at : at + chunk])
            assert checked(tmp_path).ok, "verifiable while it is open"
    with opened(tmp_path) as ledger:
        assert ledger.size == 1100
        assert [r for _, r in ledger.tail(2000)] == records
        assert ledger.tail(2) == [("worker-0:1098", records[-2]), ("worker-0:1099", records[-1])]
    verdict = checked(tmp_path)
    assert (verdict.ok, verdict.size, verdict.notes) == (True, 1100, ())


def test_shows_the_newest_entries_to_others_than_the_writer(tmp_path: Path):
    with opened(tmp_path) as ledger:
        assert tail_of(tmp_path, 5) == []
        ledger.append([record(i) for i in range(300)])
        assert [name for name, _ in tail_of(tmp_path, 50)] == [f"worker-0:{i}" for i in range(250, 300)]


def test_proves_an_entry_to_someone_who_has_only_the_checkpoint(tmp_path: Path):
    with opened(tmp_path) as ledger:
        ledger.append([record(i) for i in range(700)])
    state = signed_state(tmp_path)
    for index in (0, 255, 256, 699):
        entry, proof, _ = proof_of(tmp_path, index)
        check_inclusion(leaf_hash(entry), index, state.size, proof, state.root)
    with pytest.raises(EvidenceError):
        proof_of(tmp_path, 700)


def test_refuses_a_second_writer_and_lets_one_in_after_the_first_closed(tmp_path: Path):
    with opened(tmp_path), pytest.raises(LinkError, match="another process"):
        opened(tmp_path)
    opened(tmp_path).close()


def test_refuses_to_append_after_closing(tmp_path: Path):
    ledger = opened(tmp_path)
    ledger.close()
    ledger.close()
    with pytest.raises(LinkError, match="closed"):
        ledger.append([record(1)])


def test_refuses_a_record_that_is_too_large_and_writes_none_of_its_call(tmp_path: Path):
    with opened(tmp_path) as ledger:
        with pytest.raises(EvidenceError, match="split the record"):
            ledger.append([record(0), record(1, "x" * 70_000)])
        assert ledger.append([record(2)]) == ["worker-0:0"]


def test_refuses_another_key_and_another_origin(tmp_path: Path):
    opened(tmp_path).close()
    other = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
    with pytest.raises(EvidenceError, match="not the key"):
        FileLedger(tmp_path, ORIGIN, Signer(other.public_key().public_bytes_raw(), other.sign))
    with pytest.raises(EvidenceError, match="not the key"):
        FileLedger(tmp_path, "doggerford/worker-1", SIGNER)
    opened(tmp_path).close()  # a refused opening lets go of the lock


# -- what a stop leaves ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tail", [b"\x00", b"\x00\x05ab", b"\0" * 500, pack([b"no record"]), os.urandom(300)])
@pytest.mark.parametrize("size", [3, 256, 300])
def test_cuts_off_what_is_not_a_whole_record_after_the_signed_ones(tmp_path: Path, tail: bytes, size: int):
    with opened(tmp_path) as ledger:
        ledger.append([record(i) for i in range(size)])
    last = tmp_path / entries_path(size // 256)
    last.write_bytes((last.read_bytes() if last.exists() else b"") + tail)
    with opened(tmp_path) as ledger:
        assert (ledger.size, ledger.cut_bytes) == (size, len(tail))
        ledger.append([record(size)])
        assert ledger.tail(1) == [(f"worker-0:{size}", record(size))]
    assert checked(tmp_path).ok


@pytest.mark.parametrize("size", [0, 100, 255, 256])
def test_takes_in_whole_records_that_were_synced_and_not_yet_signed(tmp_path: Path, size: int):
    records = [record(i) for i in range(size + 400)]
    with opened(tmp_path) as ledger:
        ledger.append(records[:size])
        old = {name: (tmp_path / name).read_bytes() for name in ("checkpoint", "checkpoint.synced")}
        ledger.append(records[size:])
    for name, note in old.items():  # as a kill between the sync and the signature leaves it
        (tmp_path / name).write_bytes(note)
    verdict = checked(tmp_path)
    assert (verdict.ok, verdict.size) == (True, size)
    with opened(tmp_path) as ledger:
        assert [r for _, r in ledger.tail(1000)] == records
    assert checked(tmp_path, *old.values()).ok


@pytest.mark.parametrize("left", [b"", b"\0" * 200], ids=["empty", "zeros"])
def test_opens_after_a_power_cut_took_the_unsynced_checkpoint_and_hashes(tmp_path: Path, left: bytes):
    with opened(tmp_path) as ledger:
        for i in range(300):
            ledger.append([record(i)])
        newest = (tmp_path / "checkpoint").read_bytes()
        ledger.close()
    (tmp_path / "checkpoint").write_bytes(left)
    (tmp_path / "tile/0/001").write_bytes(b"\0" * 7)
    with opened(tmp_path) as ledger:
        assert ledger.size == 300
    assert checked(tmp_path, newest).ok


def test_signs_the_same_root_for_the_same_size_again(tmp_path: Path):
    with opened(tmp_path) as ledger:
        ledger.append([record(i) for i in range(10)])
    first = (tmp_path / "checkpoint").read_bytes()
    opened(tmp_path).close()
    assert (tmp_path / "checkpoint").read_bytes() == first


@pytest.mark.parametrize("at", [0, 100, 299])
def test_does_not_open_over_changed_entries_that_it_reads(tmp_path: Path, at: int):
    with opened(tmp_path) as ledger:
        ledger.append([record(i) for i in range(300)])
    path = tmp_path / entries_path(1)
    data = bytearray(path.read_bytes())
    data[10 + at * 10] ^= 1
    path.write_bytes(data)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(EvidenceError):
        opened(tmp_path)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_does_not_open_over_an_older_checkpoint_put_back_or_none(tmp_path: Path):
    with opened(tmp_path) as ledger:
        ledger.append([record(0)])
        older = (tmp_path / "checkpoint").read_bytes()
        ledger.append([record(i) for i in range(300)])
    (tmp_path / "checkpoint").write_bytes(older)
    with pytest.raises(EvidenceError, match="older checkpoint"):
        opened(tmp_path)
    (tmp_path / "checkpoint").unlink()
    (tmp_path / "checkpoint.synced").unlink()
    with pytest.raises(EvidenceError, match="no checkpoint"):
        opened(tmp_path)


@pytest.mark.parametrize("step", ["fdatasync", "fsync", "pwrite", "pwrite late", "replace"])
@pytest.mark.parametrize("size", [10, 250])
def test_recovers_by_itself_when_the_disk_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, size: int):
    """The one place where the disk is played: no test can fill the real one."""
    ledger = opened(tmp_path)
    ledger.append([record(i) for i in range(size)])
    calls = [0]

    def full(*_: object, **__: object) -> int:
        calls[0] += 1
        raise OSError(errno.ENOSPC, "No space left on device")

    real = os.pwrite

    def half(file: int, data: bytes, offset: int) -> int:
        calls[0] += 1
        if calls[0] == 1:
            return real(file, data[: len(data) // 2], offset)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        if step == "replace":
            disk.setattr(Path, "replace", full)
        elif step == "pwrite late":
            disk.setattr(files.os, "pwrite", half)
        else:
            disk.setattr(files.os, step, full)
        if step == "fsync" and size == 10:
            disk.setattr(Path, "replace", full)  # within one bundle nothing but the entries is synced
        with pytest.raises(LinkError, match="No space"):
            ledger.append([record(1000 + i) for i in range(20)])
        assert calls[0]
        assert checked(tmp_path).size == size
    before = ledger.size
    assert before == size
    ids = ledger.append([record(2000)])
    assert ledger.tail(1) == [(ids[0], record(2000))]
    assert ledger.size in (size + 1, size + 21)  # taken back, or kept when they were already synced
    ledger.close()
    assert checked(tmp_path).ok


@pytest.mark.parametrize("step", ["fdatasync", "replace"])
@pytest.mark.parametrize("meanwhile", [0, 3])
def test_what_is_given_again_after_the_disk_failed_stands_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, meanwhile: int
):
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    given, others = [record(1), record(2)], [record(100 + n) for n in range(meanwhile)]
    with opened(tmp_path) as ledger:
        ledger.append([record(0)])
        with monkeypatch.context() as disk:
            disk.setattr(*(files.os, "fdatasync", full) if step == "fdatasync" else (Path, "replace", full))
            with pytest.raises(LinkError, match="No space"):
                ledger.append(given)
            if step == "replace":
                with pytest.raises(LinkError, match="No space"):
                    ledger.tail(10)  # not to be told what is there while it cannot be
        kept = given if step == "replace" else []  # these were synced
        assert [r for _, r in ledger.tail(10)] == [record(0), *kept]
        ledger.append(others)
        ids = ledger.append(given)
        assert [r for _, r in ledger.tail(10)] == [record(0), *kept, *others, *([] if kept else given)]
        assert dict(ledger.tail(10)) | dict(zip(ids, given, strict=True)) == dict(ledger.tail(10))
        assert ledger.append(given) != ids  # said once more, it stands once more
    assert checked(tmp_path).ok


# -- kill -9 ---------------------------------------------------------------------------------------------------------

WRITER = """
import sys, random
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cityward.adapters.ledgers.files import FileLedger
from cityward.evidence.checkpoint import Signer
from cityward.evidence.records import Lifecycle
private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ledger = FileLedger(Path(sys.argv[1]), sys.argv[2], Signer(private.public_key().public_bytes_raw(), private.sign))
choose, number = random.Random(int(sys.argv[3])), 0
while True:
    count = choose.choice([1, 1, 5, 5, 40, 300, 900])
    records = [Lifecycle(at=number + i, by=sys.argv[3], event="load", detail={"text": "x" * 200}) for i in range(count)]
    number += count
    ids = ledger.append(records)
    print(ids[0], ids[-1], records[0].at, (ledger._folder / "checkpoint").read_bytes().hex(), flush=True)
"""


def read_lines(pipe: IO[bytes], process: subprocess.Popen[bytes], kill_after: int, choose: random.Random) -> list[str]:
    """Lines until the process is killed: right after a line, or somewhere within the appends that follow it."""
    lines: list[str] = []
    for line in iter(pipe.readline, b""):
        lines.append(line.decode())
        if len(lines) == kill_after:
            for _ in range(choose.randrange(200_000)):  # a moment that is not tied to the line
                pass
            process.send_signal(signal.SIGKILL)
    return [line for line in lines if line.endswith("\n")]


def test_loses_nothing_acknowledged_when_killed_twenty_times(tmp_path: Path):
    log, choose = tmp_path / "log", random.Random(20)
    acknowledged: dict[int, tuple[str, int]] = {}
    roots: dict[int, bytes] = {}
    notes: list[bytes] = []
    for run in range(20):
        command = [sys.executable, "-c", WRITER, str(log), ORIGIN, str(run)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            lines = read_lines(process.stdout, process, choose.randrange(1, 25), choose)
        assert process.returncode == -signal.SIGKILL
        for line in lines:
            first, last, number, note = line.split()
            begin, end = int(first.partition(":")[2]), int(last.partition(":")[2])
            acknowledged |= {i: (str(run), int(number) + i - begin) for i in range(begin, end + 1)}
            notes.append(bytes.fromhex(note))
        assert checked(log).ok, "verifiable as the kill left it"
        with opened(log):
            pass
        state = signed_state(log)
        assert roots.setdefault(state.size, state.root) == state.root
    held = {
        i: (e["by"], e["at"]) for i, e in ((i, json.loads(d)) for i, d in entries_of(folder_reader(log), 0, state.size))
    }
    assert {i: held.get(i) for i in acknowledged} == acknowledged
    assert len(acknowledged) > 1000
    # No two roots of one size were ever signed: every checkpoint that was ever read is of the log that is there now.
    verdict = checked(log, *notes)
    assert verdict.ok, verdict


def test_finds_logs_in_a_state_directory(tmp_path: Path):
    for role in ("worker-0", "web"):
        opened(tmp_path / "doggerford" / "ledger" / role).close()
    (tmp_path / "doggerford" / "nats" / "x").mkdir(parents=True)
    found = [tmp_path / "doggerford/ledger/web", tmp_path / "doggerford/ledger/worker-0"]
    assert ledgers_under(tmp_path) == ledgers_under(tmp_path / "doggerford") == found
    assert ledgers_under(found[0]) == found[:1]
    assert ledgers_under(tmp_path / "nowhere") == []


def test_reads_no_path_outside_the_log(tmp_path: Path):
    (tmp_path / "secret").write_text("s")
    opened(tmp_path / "log").close()
    read = folder_reader(tmp_path / "log")
    assert read("checkpoint")
    assert [read(path) for path in ("../secret", "/etc/hostname", "lock", "tile/entries/../../../secret")] == [None] * 4


def test_notices_a_changed_line_end_of_the_key(honest: Path):
    path = honest / "log.vkey"
    before = path.read_bytes()
    path.write_bytes(before[:-1] + b"\x0b")  # white space to a reader that strips
    try:
        assert not noticed_nothing(honest)
    finally:
        path.write_bytes(before)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_notices_any_flipped_bit_of_any_file_on_disk(data: st.DataObject, honest: Path):
    path = data.draw(st.sampled_from(sorted(p for p in honest.rglob("*") if p.is_file() and p.stat().st_size)))
    before = path.read_bytes()
    changed = bytearray(before)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(changed)
    try:
        assert not noticed_nothing(honest), path
    finally:
        path.write_bytes(before)
    assert noticed_nothing(honest)


def noticed_nothing(folder: Path) -> bool:
    try:
        return checked(folder).ok
    except EvidenceError:
        return False


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("honest")
    with opened(folder) as ledger:
        for i in range(0, 700, 7):
            ledger.append([record(i + j) for j in range(7)])
    return folder


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from([1, 2, 5, 100, 255, 256, 257, 600]), max_size=8),
    st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_is_the_same_log_however_it_was_appended_and_reopened(chunks: list[int], reopens: list[bool]):
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        records = [record(i) for i in range(sum(chunks))]
        ledger, at = opened(Path(one)), 0
        for chunk, reopen in zip(chunks, reopens, strict=False):
            ledger.append(records[at : at + chunk])
            at += chunk
            if reopen:
                ledger.close()
                ledger = opened(Path(one))
        ledger.close()
        with opened(Path(other)) as whole:
            whole.append(records)
        assert tree(Path(one)) == tree(Path(other))
        assert checked(Path(one)).ok


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "lock"}


def test_appends_from_several_threads_each_to_its_own_place(tmp_path: Path):
    with opened(tmp_path) as ledger, ThreadPoolExecutor(4) as crowd:
        ids = list(crowd.map(lambda i: ledger.append([record(i)] * 3), range(60)))
        held = dict(ledger.tail(200))
    assert all(held[name] == record(i) for i, names in enumerate(ids) for name in names)
    assert len(held) == 180
