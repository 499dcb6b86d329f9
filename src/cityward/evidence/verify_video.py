"""Checks exported camera recordings offline: this file, `verifier.py` and `verify_bundle.py` beside it, Python alone.

    python verify_video.py EXPORT.zip KEY [KEY ...]

All three files lie in the export, for convenience. Who does not trust it takes them from a release of Cityward instead, and the
logs' public keys (`name+hash+base64`) from the city by another way.

What `OK` means: every segment is, byte for byte, what the city put on record when it was closed; and the city's record says
who took this export out, when, for what purpose and why. The pictures in it were covered before they were kept. What it cannot
mean: that the camera showed the truth, or that nothing else was recorded then (the times of the segments show the gaps).

    README.txt, manifest.json             what was asked for, and each segment with its digest and its entry
    segments/<name>                       the recordings, as they were kept
    evidence.tar                          the entries of the segments and of this export, with their proofs (verify_bundle.py)
    verify_video.py, verify_bundle.py, verifier.py

INVARIANTS
- Total: any bytes get a verdict, which names the file at fault. Nothing is unpacked to disk.
- Bounded: so many members of so many bytes, stored as they are, so that none unpacks to more than it weighs.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING or __package__:
    from cityward.evidence.verify_bundle import verify_bundle
else:  # copied out, beside its copy
    from verify_bundle import verify_bundle

FORMAT = "cityward-video/1"
MEMBERS_MOST, BYTES_MOST = 20_000, 2 << 30
SEGMENTS = "segments/"
_NAME = re.compile(r"segments/[a-z0-9-]{1,128}/[0-9]{1,17}-[0-9a-f]{16}\.(mp4|mkv)\Z")
_ALONE = ("README.txt", "manifest.json", "evidence.tar", "verify_video.py", "verify_bundle.py", "verifier.py")


class _BadError(Exception):
    def __init__(self, what: str, file: str) -> None:
        super().__init__(what)
        self.what, self.file = what, file


@dataclass(frozen=True)
class VideoVerdict:
    """What was found. file: what is wrong first. custody: who took it out, when, for what, and why, as the log has it."""

    ok: bool
    what: str
    file: str = ""
    segments: int = 0
    own_keys: bool = False  # judged by the keys in the export, for want of given ones
    custody: dict[str, Any] = field(default_factory=dict[str, Any])


def verify_video(export: BinaryIO, keys: Iterable[str] = ()) -> VideoVerdict:
    """Check a whole export.

    Args:
        export: the file, open for reading.
        keys: public keys of the city's logs, `name+hash+base64`.
    """
    given = tuple(keys)
    try:
        members = _members(export)
        entries = _proven(members["evidence.tar"], given)
        taken = _taken(members["manifest.json"], entries)
        count = _segments(members, taken, entries)
    except _BadError as bad:
        return VideoVerdict(False, bad.what, bad.file)
    except Exception as error:  # INVARIANT: whatever these bytes are, the answer is no
        return VideoVerdict(
            False, f"an entry, or what is said of a segment, is none: {type(error).__name__}", "the export"
        )
    return VideoVerdict(True, "every segment is as it was put on record", "", count, not given, taken)


def digest_of(digests: Iterable[str]) -> str:
    """Over the segments' digests in hexadecimal, oldest first, one a line: what the record of an export has."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _members(export: BinaryIO) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(export) as archive:
            infos = archive.infolist()
            if len(infos) > MEMBERS_MOST or sum(info.file_size for info in infos) > BYTES_MOST:
                raise _BadError("it holds more than an export may", "the export")
            for info in infos:
                if info.compress_type != zipfile.ZIP_STORED or info.filename in found:
                    raise _BadError("a member is packed, or stands there twice", info.filename)
                if info.filename not in _ALONE and not _NAME.match(info.filename):
                    raise _BadError("a member does not belong there", info.filename)
                found[info.filename] = _read(archive, info)
    except _BadError:
        raise
    except Exception as error:  # whatever bytes these are: the answer is no
        raise _BadError(f"it is no export: {type(error).__name__}", "the export") from error
    for name in ("manifest.json", "evidence.tar"):
        if name not in found:
            raise _BadError("it is missing", name)
    return found


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(info)
    except Exception as error:
        raise _BadError(f"it cannot be read, or was changed: {type(error).__name__}", info.filename) from error


def _proven(bundle: bytes, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """The entries, each proven to stand in its log."""
    verdict = verify_bundle(BytesIO(bundle), keys)
    if not verdict.ok:
        raise _BadError(verdict.what, f"evidence.tar: {verdict.file or verdict.kind}")
    found: list[dict[str, Any]] = []
    with tarfile.open(fileobj=BytesIO(bundle), mode="r:") as archive:
        for member in archive:
            file = archive.extractfile(member) if re.search(r"/entries/[0-9]+\.json\Z", member.name) else None
            if file is not None:
                found.append(json.loads(file.read()))
    return found


def _taken(manifest: bytes, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The record of this export, which the manifest must agree with."""
    try:
        said: dict[str, Any] = json.loads(manifest)
        segments = [str(one["sha256"]) for one in said["segments"]]
        view, fine = str(said["view"]), said["format"] == FORMAT
    except Exception as error:
        raise _BadError(f"it is no manifest: {type(error).__name__}", "manifest.json") from error
    record = next((e for e in entries if e.get("kind") == "video-export" and e.get("view") == view), None)
    if record is None or not fine:
        raise _BadError("no entry says that this was exported", "manifest.json")
    told = {name: record.get(name) for name in ("person", "camera", "purpose", "reason", "since", "until", "at")}
    differs = [name for name in told if name != "at" and said.get(name) != told[name]]
    if differs or record.get("digest") != digest_of(segments) or record.get("segments") != len(segments):
        what = (
            f"it says another {', '.join(differs)} than the record" if differs else "its segments are not the record's"
        )
        raise _BadError(what, "manifest.json")
    return told | {"view": view}


def _segments(members: dict[str, bytes], taken: dict[str, Any], entries: list[dict[str, Any]]) -> int:
    """Every segment is the one on record, and none is missing."""
    kept = {e["name"]: e for e in entries if e.get("kind") == "segment" and e.get("camera") == taken["camera"]}
    listed: list[dict[str, Any]] = json.loads(members["manifest.json"])["segments"]
    for one in listed:
        name = f"{SEGMENTS}{one.get('name')}"
        record = kept.get(str(one.get("name")))
        if name not in members:
            raise _BadError("it is missing", name)
        if record is None:
            raise _BadError("no entry says that it was kept", name)
        found = hashlib.sha256(members[name]).hexdigest()
        if not found == record["digest"] == one.get("sha256"):
            raise _BadError(f"it was changed: its SHA-256 is {found}, on record is {record['digest']}", name)
    more = [name for name in members if name.startswith(SEGMENTS)]
    if len(more) != len(listed):
        raise _BadError("there are segments that the manifest does not name", "manifest.json")
    return len(listed)


def main(arguments: list[str]) -> int:
    """Check the export; 0 fine, 1 not what is on record, 2 called wrongly."""
    if not arguments:
        print(__doc__)  # noqa: T201
        return 2
    with open(arguments[0], "rb") as file:  # noqa: PTH123  (no import: this room opens no files)
        verdict = verify_video(file, arguments[1:])
    print(json.dumps(asdict(verdict), indent=2))  # noqa: T201
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
