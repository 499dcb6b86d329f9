"""Every way we know to tamper with a log: found and named by `cityward verify` and by the file an outsider copies."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cityward.cli.verify import command
from cityward.evidence import verifier
from cityward.evidence.cosignature import WitnessKey, cosigned
from cityward.evidence.records import Heartbeat, encode
from cityward.evidence.tiles import entries_path, entry_runs, pack, unpack
from logs import ORIGIN, Files, log_of, put, signer

COUNT = 700
CLERK = signer(7)
CLERK_KEY = WitnessKey("witness.example/clerk", CLERK.public).text()
PRESS_KEY = WitnessKey("witness.example/press", signer(8).public).text()
KEY = log_of([])["log.vkey"].decode().strip()


def entries(count: int = COUNT) -> list[bytes]:
    return [b'{"at":%d,"kind":"lifecycle"}' % (1_780_000_000_000_000 + i) for i in range(count)]


def honest() -> Files:
    return log_of(entries())


def repacked(changed: list[bytes]) -> Files:
    """The entries as they were changed, in bundles again; hashes and checkpoint as they were."""
    files = {path: data for path, data in honest().items() if not path.startswith("tile/entries")}
    return files | {entries_path(bundle): pack(run) for bundle, run in entry_runs(0, changed)}


def without(index: int) -> list[bytes]:
    return [*entries()[:index], *entries()[index + 1 :]]


def exchanged(a: int, b: int) -> list[bytes]:
    changed = entries()
    changed[a], changed[b] = changed[b], changed[a]
    return changed


def edited(index: int) -> list[bytes]:
    return [*entries()[:index], b'{"at":1}', *entries()[index + 1 :]]


def put_in(index: int) -> list[bytes]:
    return [*entries()[:index], b'{"at":1}', *entries()[index:]][:COUNT]


def cut_in_bundle(index: int) -> Files:
    """One entry taken out of its bundle, the other bundles as they were."""
    files = honest()
    held, _ = unpack(files[entries_path(index // 256)])
    del held[index % 256]
    return files | {entries_path(index // 256): pack(held)}


def tiles_swapped() -> Files:
    files = honest()
    return files | {"tile/0/000": files["tile/0/001"], "tile/0/001": files["tile/0/000"]}


def bundles_swapped() -> Files:
    files = honest()
    return files | {"tile/entries/000": files["tile/entries/001"], "tile/entries/001": files["tile/entries/000"]}


def damaged_tile() -> Files:
    files = honest()
    return files | {"tile/0/001": files["tile/0/001"][:-1] + b"\0"}


def resigned() -> Files:
    """The same entries and the same name, under another key; the key beside the log is the other one's."""
    return log_of(entries(), seed=2)


def rolled_back() -> Files:
    """All entries are there; the checkpoint is an older one."""
    return honest() | {"checkpoint": log_of(entries(500))["checkpoint"]}


def truncated() -> Files:
    """Entries, hashes and both checkpoints of an earlier day."""
    return log_of(entries(500))


def end_lost() -> Files:
    return {path: data for path, data in honest().items() if path != "tile/entries/002"}


def rewritten() -> Files:
    """An entry changed together with all hashes above it; the signature is the old one."""
    return log_of(edited(300)) | {name: honest()[name] for name in ("checkpoint", "checkpoint.synced")}


def forked() -> Files:
    """Another history, all in order, signed with the city's own key."""
    return log_of(edited(300))


def changed_checkpoint() -> Files:
    return honest() | {"checkpoint": honest()["checkpoint"].replace(b"\n700\n", b"\n701\n")}


@dataclass(frozen=True)
class Attack:
    files: Callable[[], Files]
    kind: str
    first_bad: int | None
    kept: Callable[[], bytes] | None = None  # a checkpoint that somebody kept


def kept_of_honest() -> bytes:
    return honest()["checkpoint"]


def kept_by_witness() -> bytes:
    note = log_of(entries(650))["checkpoint"]
    return note + cosigned(note, "witness.example/clerk", CLERK, 1_790_000_000).encode()


ATTACKS = {
    "dropped": Attack(lambda: repacked(without(300)), "dropped", 300),
    "dropped, the others left in place": Attack(lambda: cut_in_bundle(300), "dropped", 300),
    "dropped at the end of a bundle": Attack(lambda: cut_in_bundle(255), "dropped", 255),
    "dropped: the newest": Attack(lambda: cut_in_bundle(699), "truncated", 699),
    "edited": Attack(lambda: repacked(edited(300)), "edited", 300),
    "put in": Attack(lambda: repacked(put_in(300)), "inserted", 300),
    "reordered": Attack(lambda: repacked(exchanged(40, 41)), "reordered", 40),
    "reordered over bundles": Attack(lambda: repacked(exchanged(40, 690)), "reordered", 40),
    "bundles swapped": Attack(bundles_swapped, "reordered", 0),
    "tiles swapped": Attack(tiles_swapped, "swapped", 0),
    "tile damaged": Attack(damaged_tile, "damaged", 511),
    "end lost": Attack(end_lost, "truncated", 512),
    "truncated with its checkpoints": Attack(truncated, "truncated", 500, kept_of_honest),
    "rolled back": Attack(rolled_back, "rolled-back", 500),
    "rewritten": Attack(rewritten, "rewritten", 3),  # the kept checkpoint vouches for those before
    "checkpoint edited": Attack(changed_checkpoint, "edited", None),
    "re-signed": Attack(resigned, "re-signed", None),
    "forked, against a kept checkpoint": Attack(forked, "forked", 0, kept_of_honest),
    "forked, against a witness's": Attack(forked, "forked", 0, kept_by_witness),
}


def by_command(folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(command, [str(folder), "--json", *options])
    return done.exit_code, json.loads(done.output)["ledgers"][0]


def by_copied_file(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    code = verifier.main([str(folder), *arguments])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_finds_it_and_names_it(attack: Attack, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = put(attack.files(), tmp_path / "log")
    (tmp_path / "kept").write_bytes(attack.kept() if attack.kept else log_of(entries(3))["checkpoint"])
    code, told = by_command(folder, "--key", KEY, "--earlier", str(tmp_path / "kept"))
    assert (code, told["ok"], told["kind"], told["first_bad"]) == (1, False, attack.kind, attack.first_bad), told[
        "what"
    ]
    code, told = by_copied_file(capsys, folder, KEY, str(tmp_path / "kept"))
    assert (code, told["ok"], told["kind"], told["first_bad"]) == (1, False, attack.kind, attack.first_bad), told[
        "what"
    ]


def test_a_kept_checkpoint_says_how_far_two_histories_agree(tmp_path: Path):
    folder = put(forked(), tmp_path / "log")
    for size in (100, 650):
        (tmp_path / str(size)).write_bytes(log_of(entries(size))["checkpoint"])
    _, told = by_command(folder, "--earlier", str(tmp_path / "100"), "--earlier", str(tmp_path / "650"))
    assert (told["kind"], told["first_bad"]) == ("forked", 100)


def test_a_fork_nobody_kept_anything_of_is_not_seen(tmp_path: Path):
    """What the documentation says is not proven: without a kept or witnessed checkpoint a fork looks like a log."""
    assert by_command(put(forked(), tmp_path / "log"), "--key", KEY)[0] == 0


# -- witnesses ----------------------------------------------------------------------------------------------------------


def witnessed(folder: Path, note: bytes) -> Path:
    put(honest(), folder)
    return put({"witnessed/clerk.checkpoint": note}, folder)


def test_counts_a_witness_whose_line_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = witnessed(tmp_path / "log", kept_by_witness())
    code, told = by_command(folder, "--witness", CLERK_KEY, "--witnesses", "1")
    assert (code, told["ok"]) == (0, True)
    assert told["witnesses"] == [{"name": "witness.example/clerk", "size": 650, "at": 1_790_000_000}]
    said = CliRunner().invoke(command, [str(folder), "--witness", CLERK_KEY]).output
    assert "witness.example/clerk for 650 entries, 2026-09-21T14:13:20Z" in said
    note = str(folder / "witnessed/clerk.checkpoint")
    code, told = by_copied_file(capsys, folder, KEY, note, "--witness", CLERK_KEY, "--witnesses", "1")
    assert (code, len(told["witnesses"])) == (0, 1)


def test_asks_for_as_many_witnesses_as_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = witnessed(tmp_path / "log", kept_by_witness())
    both = ["--witness", CLERK_KEY, "--witness", PRESS_KEY]
    assert by_command(folder, *both, "--witnesses", "1")[0] == 0
    code, told = by_command(folder, *both, "--witnesses", "2")
    assert (code, told["kind"]) == (1, "unwitnessed")
    code, told = by_copied_file(capsys, folder, KEY, *both, "--witnesses", "1")  # given no witnessed checkpoint
    assert (code, told["kind"]) == (1, "unwitnessed")


def test_one_key_under_two_names_is_one_witness(tmp_path: Path):
    folder = witnessed(tmp_path / "log", kept_by_witness())
    again = WitnessKey("witness.example/other", CLERK.public).text()
    line = cosigned(kept_by_witness(), "witness.example/other", CLERK, 1_790_000_001)
    put({"witnessed/other.checkpoint": kept_by_witness() + line.encode()}, folder)
    code, told = by_command(folder, "--witness", CLERK_KEY, "--witness", again, "--witnesses", "2")
    assert (code, told["kind"]) == (1, "unwitnessed")


@pytest.mark.parametrize("forge", ["signature", "time", "other checkpoint", "log's own signature type"])
def test_a_forged_cosignature_is_named_and_never_counted(
    forge: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    note = log_of(entries(650))["checkpoint"]
    line = cosigned(note, "witness.example/clerk", CLERK, 1_790_000_000)
    if forge == "signature":
        line = cosigned(note, "witness.example/clerk", signer(9), 1_790_000_000)
        line = _with_key_id_of(line, cosigned(note, "witness.example/clerk", CLERK, 1))
    elif forge == "time":
        line = _with_time(line, 1_790_000_060)
    elif forge == "other checkpoint":
        line = cosigned(log_of(entries(649))["checkpoint"], "witness.example/clerk", CLERK, 1_790_000_000)
    else:
        line = _signed_without_its_header(note)
    folder = witnessed(tmp_path / "log", note + line.encode())
    code, told = by_command(folder, "--witness", CLERK_KEY)
    assert (code, told["kind"], told["witnesses"]) == (1, "cosignature-forged", [])
    code, told = by_copied_file(capsys, folder, KEY, str(folder / "witnessed/clerk.checkpoint"), "--witness", CLERK_KEY)
    assert (code, told["kind"], told["witnesses"]) == (1, "cosignature-forged", [])


def _blob(line: str) -> bytes:
    import base64

    return base64.b64decode(line.split()[2])


def _line(blob: bytes) -> str:
    import base64

    return f"\u2014 witness.example/clerk {base64.b64encode(blob).decode()}\n"


def _with_key_id_of(line: str, other: str) -> str:
    return _line(_blob(other)[:4] + _blob(line)[4:])


def _with_time(line: str, at: int) -> str:
    return _line(_blob(line)[:4] + at.to_bytes(8, "big") + _blob(line)[12:])


def _signed_without_its_header(note: bytes) -> str:
    """The witness's key over the bare text, as a log signs: it must not pass for a cosignature."""
    text = note.decode().rpartition("\n\n")[0] + "\n"
    blob = _blob(cosigned(note, "witness.example/clerk", CLERK, 5))
    return _line(blob[:12] + CLERK.sign(text.encode()))


def test_refuses_to_ask_for_more_witnesses_than_it_has_keys(tmp_path: Path):
    folder = put(honest(), tmp_path / "log")
    assert CliRunner().invoke(command, [str(folder), "--witnesses", "1"]).exit_code == 2


def test_takes_witness_keys_out_of_a_file(tmp_path: Path):
    folder = witnessed(tmp_path / "log", kept_by_witness())
    (tmp_path / "keys").write_text(f"{CLERK_KEY}\n{PRESS_KEY}\n")
    assert by_command(folder, "--witness", str(tmp_path / "keys"), "--witnesses", "1")[0] == 0


# -- heartbeats ---------------------------------------------------------------------------------------------------------

MINUTE = 60_000_000


def beat(number: int, at_minutes: float, state: str = "alive") -> bytes:
    at = 1_780_000_000_000_000 + round(at_minutes * MINUTE)
    return encode(
        Heartbeat(at=at, by="worker-0", gate="admit", beat=number, decided={}, within=2 * MINUTE, state=state)
    )


def test_says_when_a_gate_that_died_was_last_alive(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = put(log_of([beat(1, 0, "begun"), *entries(3), beat(2, 1)]), tmp_path / "log")
    code, told = by_command(folder)
    [gate] = told["gates"]
    assert (code, gate["beats"], gate["state"], gate["silent"]) == (0, 2, "alive", 0)
    said = CliRunner().invoke(command, [str(folder)]).output
    assert "admit: 2, the last 2026-05-28T20:27:40Z: it was alive" in said
    assert by_copied_file(capsys, folder, KEY)[1]["gates"] == told["gates"]


def test_tells_a_silence_that_no_orderly_stop_explains(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    beats = [
        beat(1, 0, "begun"),
        beat(2, 1),
        beat(3, 1.5, "stopped"),
        beat(4, 500, "begun"),
        beat(5, 501),
        beat(6, 506),
    ]
    folder = put(log_of(beats), tmp_path / "log")
    code, told = by_command(folder)
    [gate] = told["gates"]
    begin = 1_780_000_000_000_000
    assert (code, gate["silent"], gate["silences"]) == (0, 1, [[begin + 501 * MINUTE, begin + 506 * MINUTE, 6]])
    assert "silent from" in CliRunner().invoke(command, [str(folder)]).output
    assert by_copied_file(capsys, folder, KEY)[1]["gates"] == told["gates"]


@pytest.mark.parametrize(
    ("beats", "at"),
    [([1, 2, 4], 2), ([2, 3], 0), ([1, 2, 2], 2), ([1, 3, 2], 1)],
    ids=["one is missing", "the first is missing", "one twice", "out of order"],
)
def test_a_missing_heartbeat_shows_even_when_all_was_signed(beats: list[int], at: int, tmp_path: Path):
    folder = put(log_of([beat(n, i) for i, n in enumerate(beats)]), tmp_path / "log")
    code, told = by_command(folder)
    assert (code, told["kind"], told["first_bad"]) == (1, "missed-beat", at)


def test_words_of_a_heartbeat_in_another_record_are_no_heartbeat(tmp_path: Path):
    other = b'{"at":1,"detail":{"x":"\\"kind\\":\\"heartbeat\\""},"kind":"lifecycle","note":{"kind":"heartbeat"}}'
    assert verifier.BEAT in other
    code, told = by_command(put(log_of([other, b'"kind":"heartbeat"', b'{"kind":"heartbeat"}']), tmp_path / "log"))
    assert (code, told["gates"]) == (0, [])


def test_the_name_of_the_log_stays_in_every_answer(tmp_path: Path):
    assert by_command(put(honest(), tmp_path / "log"))[1]["origin"] == ORIGIN
