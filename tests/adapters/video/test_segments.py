"""The archive: what is kept is what was put on record, what is due is gone, and the disk is never filled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.adapters.stores.state import SqlState
from cityward.adapters.video import segments
from cityward.adapters.video.segments import Archive, Piece
from cityward.errors import EvidenceError, LinkError
from cityward.evidence.records import AnyRecord, SegmentKept, SegmentsGone, decode, encode
from cityward.runtime.pictures.camera_ports import SegmentRow
from cityward.time import HOUR, SECOND


@dataclass
class Log:
    """A ledger in memory."""

    records: list[AnyRecord] = field(default_factory=list)

    def append(self, records: list[AnyRecord]) -> list[str]:
        begin = len(self.records)
        self.records += [decode(encode(record)) for record in records]
        return [f"cameras:{n}" for n in range(begin, len(self.records))]

    def tail(self, most: int) -> list[tuple[str, AnyRecord]]:
        return [(f"cameras:{n}", record) for n, record in enumerate(self.records)][-most:]


@pytest.fixture
def archive(tmp_path: Path, store: SqlState) -> Iterator[Archive]:
    yield Archive(tmp_path / "video", store.segments)


def piece(begin_s: int, camera: str = "gate-01", body: bytes = b"covered") -> Piece:
    return Piece(camera, begin_s * SECOND, (begin_s + 10) * SECOND, 50, body)


def test_a_kept_segment_is_given_back_as_it_was_and_its_digest_is_on_record(archive: Archive) -> None:
    log = Log()
    row = archive.keep(piece(100), log, "cameras", "d")
    assert archive.between("gate-01", 105 * SECOND, 106 * SECOND) == [row]
    assert archive.between("gate-01", 110 * SECOND, 200 * SECOND) == []
    assert archive.between("gate-02", 0, 1 << 60) == []
    assert archive.open(row) == b"covered"
    (record,) = log.records
    assert isinstance(record, SegmentKept)
    assert (record.digest, record.name) == (sha256(b"covered").hexdigest(), row.name)
    assert row.record == "cameras:0"


@pytest.mark.parametrize(
    "damage", [b"coverez", b"", b"covered and more"], ids=["a flipped bit", "cut to nothing", "longer"]
)
def test_what_is_not_what_was_put_on_record_is_not_opened(archive: Archive, tmp_path: Path, damage: bytes) -> None:
    row = archive.keep(piece(1), Log(), "cameras", "d")
    (tmp_path / "video" / row.name).write_bytes(damage)
    with pytest.raises(EvidenceError, match="not what was put on record"):
        archive.open(row)


def test_a_lost_file_is_told_with_its_record(archive: Archive, tmp_path: Path) -> None:
    row = archive.keep(piece(1), Log(), "cameras", "d")
    (tmp_path / "video" / row.name).unlink()
    with pytest.raises(EvidenceError, match="gone"):
        archive.open(row)


@given(st.text(max_size=60))
def test_no_name_of_a_row_leads_out_of_the_archive(name: str) -> None:
    row = SegmentRow("gate-01", 0, 1, f"../{name}", 1, "", 1, "")
    with pytest.raises(EvidenceError, match="no name"):
        Archive(Path("/nowhere"), None).open(row)  # type: ignore[arg-type]


def test_what_is_older_than_may_be_kept_is_gone_and_the_record_says_what_is_the_oldest_left(
    archive: Archive, tmp_path: Path
) -> None:
    log = Log()
    rows = [archive.keep(piece(n * 3600, body=bytes([n])), log, "cameras", "d") for n in range(4)]
    other = archive.keep(piece(0, "gate-02"), log, "cameras", "d")
    # at 3 h 0 min 10 s, two hours are kept: what ended at 0:00:10 and 1:00:10 is due
    assert archive.expire("gate-01", 2.0, 3 * HOUR + 10 * SECOND, log, "cameras") == 2
    assert archive.between("gate-01", 0, 1 << 60) == rows[2:]
    assert archive.oldest("gate-01") == rows[2] and archive.open(other) == b"covered"
    gone = log.records[-1]
    assert isinstance(gone, SegmentsGone)
    assert (gone.why, gone.segments, gone.oldest) == ("retention", 2, 2 * HOUR)
    assert gone.digest == sha256("\n".join(row.sha256 for row in rows[:2]).encode()).hexdigest()
    assert not (tmp_path / "video" / rows[0].name).exists()
    assert archive.expire("gate-01", 2.0, 3 * HOUR + 10 * SECOND, log, "cameras") == 0


def test_the_oldest_make_room_for_the_newest(tmp_path: Path, store: SqlState) -> None:
    archive, log = Archive(tmp_path / "video", store.segments, most_bytes=250), Log()
    rows = [archive.keep(piece(n, body=bytes([n]) * 100), log, "cameras", "d") for n in range(4)]
    assert archive.make_room(10 * SECOND, log, "cameras") == 2
    assert archive.between("gate-01", 0, 1 << 60) == rows[2:]
    assert isinstance(log.records[-1], SegmentsGone) and log.records[-1].why == "room"


def test_a_disk_that_others_filled_takes_no_segment_and_costs_none(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log()
    row = archive.keep(piece(1), log, "cameras", "d")
    monkeypatch.setattr(segments, "LEAST_FREE", 1 << 62)
    with pytest.raises(LinkError, match="nearly full"):
        archive.keep(piece(2), log, "cameras", "d")
    assert archive.make_room(9, log, "cameras") == 0
    assert archive.open(row) == b"covered" and len(log.records) == 1


def test_files_that_no_row_names_are_swept_at_the_start(archive: Archive, tmp_path: Path) -> None:
    row = archive.keep(piece(1), Log(), "cameras", "d")
    stray = tmp_path / "video" / "gate-01" / f"5-{'a' * 16}.mp4"
    stray.write_bytes(b"half")
    stray.with_suffix(".new").write_bytes(b"less")
    assert archive.sweep() == 2
    assert archive.open(row) == b"covered" and not stray.exists()


def test_an_empty_or_endless_segment_is_none(archive: Archive) -> None:
    with pytest.raises(LinkError, match="none, or too large"):
        archive.keep(piece(1, body=b""), Log(), "cameras", "d")


def test_a_camera_that_sends_more_than_others_costs_its_own_past_not_theirs(tmp_path: Path, store: SqlState) -> None:
    archive, log = Archive(tmp_path / "video", store.segments, most_bytes=100), Log()
    archive.keep(piece(0, "quiet", b"q" * 30), log, "cameras", "d")
    for n in range(1, 11):
        archive.keep(piece(n * 10, "loud", bytes([n]) * 20), log, "cameras", "d")
    archive.make_room(500 * SECOND, log, "cameras")
    assert len(archive.between("quiet", 0, 1 << 60)) == 1
    assert [row.begin_us for row in archive.between("loud", 0, 1 << 60)] == [80 * SECOND, 90 * SECOND, 100 * SECOND]


def test_what_the_disk_does_not_give_up_is_told_and_deleted_later(archive: Archive, tmp_path: Path) -> None:
    log = Log()
    path = tmp_path / "video" / archive.keep(piece(0), log, "cameras", "d").name
    path.unlink()
    path.mkdir()  # as if the disk refused: also root cannot unlink a folder
    with pytest.raises(LinkError, match="cannot be deleted"):
        archive.expire("gate-01", 0.0, HOUR, log, "cameras")
    path.rmdir()
    path.write_bytes(b"covered")
    archive.expire("gate-01", 0.0, HOUR, log, "cameras")
    assert not path.exists()
