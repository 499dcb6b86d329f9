"""Recordings as evidence: segments with their entries and proofs in one zip, and who took it out, when and why, on record first.

The gate decides as of any view (purpose, reason, right, span). What leaves is covered: it was covered before it was kept.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import msgspec

from cityward.adapters.ledgers.bundling import Selection, excerpt_of, verifier_texts
from cityward.adapters.video.segments import Archive
from cityward.compose.pictures.viewing import ViewDesk
from cityward.compose.pictures.viewing_record import ROLE, ViewRecord
from cityward.compose.setting import Setting
from cityward.errors import EvidenceError, PlaceError
from cityward.evidence.bundle import ENTRIES_MOST, bundle_of
from cityward.evidence.records import VideoExported
from cityward.evidence.verify_video import FORMAT, SEGMENTS, digest_of
from cityward.guard.viewing import MENDS, ViewReason
from cityward.runtime.pictures.camera_ports import SegmentRow
from cityward.runtime.pictures.viewing_ports import Viewer, ViewWanted

VIDEO = "video"
BYTES_MOST = 1 << 30
MOST_SEGMENTS = 9_000
_EPOCH = (1980, 1, 1, 0, 0, 0)

_README = """Recordings of one camera of a city, exported as evidence by Cityward. They were covered before they were kept.

Check it with Python alone, without a network:

    unzip EXPORT.zip verify_video.py verify_bundle.py verifier.py
    python verify_video.py EXPORT.zip KEY [KEY ...]

KEY is a log's public key, as the city gave it to you by another way. What it proves, and what not, stands at the head of
verify_video.py. The recordings are personal data: keep them as long as you need them, and tell nobody who need not know.
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """An export: the zip, and what is in it."""

    data: bytes
    view: str
    segments: int
    record: str


def export_video(setting: Setting, desk: ViewDesk, wanted: ViewWanted, who: Viewer) -> Exported:
    """Gather a span of a camera's recordings.

    Raises:
        PlaceError: the gate refuses it (on record, with all reasons), or nothing is recorded there.
        EvidenceError: a segment is not what was put on record, or there is too much.
        LinkError: a store does not answer.
    """
    found = desk.ask(wanted, who)
    if found.reasons or not found.token:
        reasons = found.reasons or (str(ViewReason.SECOND_PERSON),)
        said = "; ".join(f"{reason}: {MENDS[ViewReason(reason)]}" for reason in reasons)
        raise PlaceError(f"the recordings of `{wanted.camera[:64]}` are not given out: {', '.join(reasons)}", mend=said)
    try:
        return _exported(setting, wanted, who, found.row.id)
    finally:
        desk.end(found.row.id, who)


def _exported(setting: Setting, wanted: ViewWanted, who: Viewer, view: str) -> Exported:
    archive = Archive(setting.home.root / VIDEO, setting.state.segments)
    rows = archive.between(wanted.camera, wanted.since, wanted.until, MOST_SEGMENTS + 1)
    if not rows:
        raise PlaceError("nothing is recorded in that span", mend="see what is: cityward camera list")
    if len(rows) > MOST_SEGMENTS or sum(row.size for row in rows) > BYTES_MOST:
        raise EvidenceError("that span is too much for one export", mend="export a shorter one")
    bodies = [archive.open(row) for row in rows]
    record = VideoExported(
        at=setting.now_us(), by=ROLE, view=view, person=who.person, camera=wanted.camera, purpose=wanted.purpose,
        reason=wanted.reason, since=wanted.since, until=wanted.until, segments=len(rows),
        size=sum(row.size for row in rows), digest=digest_of(row.sha256 for row in rows),
    )  # fmt: skip
    entry = ViewRecord(setting).append(record)
    members = {"README.txt": _README.encode(), "manifest.json": _manifest(record, rows, entry)}
    members["evidence.tar"] = _evidence(setting, rows, entry, view)
    members |= {f"{SEGMENTS}{row.name}": body for row, body in zip(rows, bodies, strict=True)}
    texts = verifier_texts()
    texts["verify_video.py"] = (resources.files("cityward.evidence") / "verify_video.py").read_bytes()
    return Exported(_packed(members | texts), view, len(rows), entry)


def _manifest(record: VideoExported, rows: Sequence[SegmentRow], entry: str) -> bytes:
    document = {
        "format": FORMAT, "view": record.view, "record": entry, "person": record.person, "camera": record.camera,
        "purpose": record.purpose, "reason": record.reason, "since": record.since, "until": record.until,
        "segments": [
            {"name": row.name, "begin": row.begin_us, "end": row.end_us, "pictures": row.pictures, "size": row.size,
             "sha256": row.sha256, "record": row.record}
            for row in rows
        ],
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _evidence(setting: Setting, rows: Sequence[SegmentRow], entry: str, view: str) -> bytes:
    """The segments' entries, whichever logs they stand in, and all that was put on record of this view."""
    spans: dict[str, tuple[int, int]] = {}
    for row in rows:
        role, _, index = row.record.rpartition(":")
        first, last = spans.get(role, (int(index), int(index)))
        spans[role] = min(first, int(index)), max(last, int(index))
    camera = rows[0].camera
    wanted = {role: Selection(first, last + 1, camera) for role, (first, last) in spans.items()}
    wanted[ROLE] = Selection(max(0, int(entry.rpartition(":")[2]) - 100), None, view)
    excerpts = [excerpt_of(setting.home.ledger(role), one, ENTRIES_MOST) for role, one in sorted(wanted.items())]
    asked = {"camera": camera, "view": view}
    return bundle_of([one for one in excerpts if one.entries], asked, setting.loaded.digest, verifier_texts())


def _packed(members: dict[str, bytes]) -> bytes:
    """Stored as they are; the same members give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, body in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), body)
    return out.getvalue()
