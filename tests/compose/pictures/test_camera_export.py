"""Recordings as evidence: what leaves, under which decision, and that one changed byte is found and named."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cityward.adapters.video.segments import Archive, Piece
from cityward.cli.camera import command
from cityward.compose.pictures.export import Exported, export_video
from cityward.errors import EvidenceError, PlaceError
from cityward.evidence import verify_video as verify_module
from cityward.evidence.records import VideoExported, ViewEnded, ViewGranted, ViewRefused
from cityward.evidence.verify_video import verify_video
from cityward.runtime.pictures.viewing_ports import ViewWanted
from cityward.time import MINUTE
from viewings import REASON, Watchers, asked, watchers


@dataclass
class Recorded:
    """The town, with three segments of the quay on record."""

    town: Watchers
    since: int
    until: int
    names: list[str]

    def wanted(self, **more: object) -> ViewWanted:
        fields: dict[str, object] = {"kind": "export", "since": self.since, "until": self.until}
        return asked(**(fields | more))

    def export(self, who: str = "ada", **more: object) -> Exported:
        return export_video(self.town.setting, self.town.desk, self.wanted(**more), self.town.who(who))


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Recorded]:
    with watchers(tmp_path) as town:
        setting = town.setting
        archive = Archive(setting.home.root / "video", setting.state.segments)
        begin, names = setting.now_us() - 30 * MINUTE, list[str]()
        with setting.ledger("cameras") as ledger:
            for n in range(3):
                at = begin + n * MINUTE
                piece = Piece("quay", at, at + MINUTE, 5, b"a covered film, number %d" % n * 40)
                names.append(archive.keep(piece, ledger, "cameras", "d" * 64).name)
        yield Recorded(town, begin, begin + 3 * MINUTE, names)


def altered(data: bytes, name: str, change: object = None) -> io.BytesIO:
    """The zip with one member changed: its last byte flipped, or left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            body = old.read(info)
            if info.filename == name:
                if change == "left out":
                    continue
                body = body.replace(*change) if isinstance(change, tuple) else body[:-1] + bytes([body[-1] ^ 1])
            new.writestr(info.filename, body)
    out.seek(0)
    return out


def test_an_export_holds_the_segments_their_entries_and_who_took_it_out(made: Recorded) -> None:
    done = made.export()
    verdict = verify_video(io.BytesIO(done.data))

    assert (verdict.ok, verdict.segments, verdict.own_keys) == (True, 3, True)
    assert verdict.custody["person"] == "ada"
    assert verdict.custody["reason"] == REASON
    granted, exported, ended = made.town.records()
    assert isinstance(granted, ViewGranted)
    assert isinstance(exported, VideoExported)
    assert isinstance(ended, ViewEnded)
    assert (granted.picture, exported.view, exported.segments) == ("export", granted.view, 3)


def test_one_flipped_byte_of_any_part_is_found_and_named(made: Recorded) -> None:
    data = made.export().data

    for name in made.names:
        verdict = verify_video(altered(data, f"segments/{name}"))
        assert (verdict.ok, verdict.file) == (False, f"segments/{name}")
        assert "its SHA-256 is" in verdict.what
    assert verify_video(altered(data, "manifest.json", (b'"ada"', b'"eve"'))).file == "manifest.json"
    assert not verify_video(altered(data, "evidence.tar", (b"a fight was called in", b"a birthday was kept!!"))).ok
    assert verify_video(altered(data, f"segments/{made.names[1]}", "left out")).what == "it is missing"


def test_a_byte_flipped_in_the_file_itself_is_found(made: Recorded) -> None:
    data = bytearray(made.export().data)
    at = bytes(data).index(b"a covered film, number 1")
    data[at] ^= 1

    verdict = verify_video(io.BytesIO(bytes(data)))
    assert (verdict.ok, verdict.file) == (False, f"segments/{made.names[1]}")


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06" + bytes(18), b"no zip at all" * 100])
def test_whatever_bytes_these_are_there_is_a_verdict(data: bytes) -> None:
    assert not verify_video(io.BytesIO(data)).ok


def test_a_stranger_checks_it_with_the_files_that_lie_in_it_and_the_citys_keys(made: Recorded, tmp_path: Path) -> None:
    done = made.export()
    (tmp_path / "export.zip").write_bytes(done.data)
    with zipfile.ZipFile(io.BytesIO(done.data)) as archive:
        archive.extractall(tmp_path / "out")
    keys = []
    for role in ("cameras", "viewing"):
        with made.town.setting.ledger(role) as ledger:
            keys.append(ledger.key.text())
    command = [
        sys.executable,
        "-I",
        "-S",
        str(tmp_path / "out" / "verify_video.py"),
        str(tmp_path / "export.zip"),
        *keys,
    ]
    command[1:3] = ["-S"]  # isolated from what is installed, not from its own folder
    told = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path / "out", timeout=60, check=False)

    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["own_keys"] is False


def test_recordings_are_given_out_by_the_same_rules_as_they_are_shown(made: Recorded) -> None:
    for who, more in (("cy", {}), ("ada", {"purpose": "planning"}), ("ada", {"reason": "short"}), ("mel", {})):
        with pytest.raises(PlaceError, match="are not given out"):
            made.export(who, **more)

    assert [type(record) for record in made.town.records()] == [ViewRefused] * 4


def test_nothing_altered_is_given_out(made: Recorded) -> None:
    path = made.town.setting.home.root / "video" / made.names[0]
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    with pytest.raises(EvidenceError, match="not what was put on record"):
        made.export()


def test_a_span_without_recordings_gives_no_export(made: Recorded) -> None:
    with pytest.raises(PlaceError, match="nothing is recorded"):
        made.export(since=made.since - 20 * MINUTE, until=made.since - 10 * MINUTE)


def test_the_command_line_exports_checks_and_tells_who_viewed(made: Recorded, tmp_path: Path) -> None:
    state, out = str(made.town.setting.home.root), str(tmp_path / "quay.zip")
    made.town.desk.ask(asked(purpose="curiosity"), made.town.who("eve"))
    export = ["export", "quay", "--state", state, "--from", "40m", "--until", "1m", "--purpose", "safety"]
    done = CliRunner().invoke(command, [*export, "--reason", REASON, "--by", "ada", "--out", out])
    assert (done.exit_code, done.output) == (0, done.output)
    assert "3 segments" in done.output

    checked = CliRunner().invoke(command, ["check", out])
    assert checked.exit_code == 0
    assert "fine: every segment is as it was put on record" in checked.output
    told = CliRunner().invoke(command, ["who-viewed", "--state", state, "--json"])
    report = json.loads(told.output)
    assert [(v["person"], v["kind"], v["outcome"]) for v in report["views"]] == [("ada", "export", "ended")]
    assert [(r["person"], r["reasons"]) for r in report["refusals"]] == [("eve", ["wrong-purpose"])]
    assert report["by_purpose"][0] == {"name": "curiosity", "views": 0, "pictures": 0, "refused": 1}
    listed = CliRunner().invoke(command, ["list", "--state", state])
    assert "count-only" in listed.output
    assert "counts only" in listed.output
    assert "nobody looks" in CliRunner().invoke(command, ["views", "--state", state]).output


@pytest.mark.parametrize("entry", [{}, {"kind": "segment", "camera": "quay"}, [], 7])
def test_an_entry_that_is_none_gets_a_verdict(made: Recorded, entry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    proven = verify_module._proven
    monkeypatch.setattr(verify_module, "_proven", lambda *given: [*proven(*given), entry])
    verdict = verify_module.verify_video(io.BytesIO(made.export().data))
    assert verdict.ok == (entry == {}) and (verdict.ok or "is none" in verdict.what)
