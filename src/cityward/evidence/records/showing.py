"""Pictures: what is kept of them, who was shown them, what was given out."""

from __future__ import annotations

from cityward.evidence.records.record import Record


class SegmentKept(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="segment"):
    """A piece of a camera's covered recording was closed and is held. digest: SHA-256 of its file. Times city us."""

    camera: str
    since: int
    until: int
    name: str
    size: int
    digest: str
    pictures: int
    declaration: str


class SegmentsGone(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="segments-gone"):
    """Segments of a camera were thrown away, because of `retention` or for want of `room`.

    digest: SHA-256 over their digests in hexadecimal, oldest first, one a line. oldest: when the oldest that is left begins, city
    us; 0: none is left.
    """

    camera: str
    why: str
    segments: int
    since: int
    until: int
    digest: str
    oldest: int


class ViewAsked(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="view-asked"):
    """A person asked to look through a camera and waits for a second one, or what became of that.

    step: asked | agreed | refused | expired. who: whose step it was. picture: live | recorded | export. cover: covered | clear.
    since, until: of a recording, city us; 0 of a live picture. seconds: for how long it is asked.
    """

    view: str
    step: str
    who: str
    person: str
    party: str
    camera: str
    purpose: str
    reason: str
    picture: str
    cover: str
    since: int
    until: int
    seconds: int


class ViewGranted(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="view-granted"):
    """A person may look: written before the first picture. As `ViewAsked`; ends: when by itself, city us.

    role: by which. second: who agreed; "" where nobody had to. rules: SHA-256 of the rules that decided. source: from which
    address.
    """

    view: str
    person: str
    party: str
    role: str
    second: str
    camera: str
    purpose: str
    reason: str
    picture: str
    cover: str
    since: int
    until: int
    ends: int
    source: str
    postures: tuple[str, ...]
    rules: str
    declaration: str


class ViewRefused(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="view-refused"):
    """Somebody asked to look through a camera, or for a picture of a view, and got nothing: all reasons."""

    view: str
    person: str
    party: str
    camera: str
    purpose: str
    reason: str
    picture: str
    cover: str
    reasons: tuple[str, ...]
    source: str
    rules: str


class ViewEnded(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="view-ended"):
    """A view is over: `expired`, `ended` (by whoever looked), `stopped` (with why), or `lost` (the door was shut).

    pictures: how many were shown.
    """

    view: str
    person: str
    camera: str
    outcome: str
    pictures: int
    since: int
    until: int


class VideoExported(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="video-export"):
    """Covered recordings left as evidence: a link of their chain of custody, written before the file is.

    view: the grant that it rests on. digest: SHA-256 over the segments' digests in hexadecimal, oldest first, one a line.
    size: of the segments, in bytes.
    """

    view: str
    person: str
    camera: str
    purpose: str
    reason: str
    since: int
    until: int
    segments: int
    size: int
    digest: str
