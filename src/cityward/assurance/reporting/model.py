"""The report as data: what is written, signed, compared and shown in every form.

INVARIANTS
- A report is a function of (declaration, log up to the moment, moment): no clock, no machine, no path is in it.
- Its digest is over its canonical JSON; every form of the report carries it.
- Unknown is counted beside the rest, everywhere, and where it outweighs what is known, page one says so first.
"""

from __future__ import annotations

import hashlib

import msgspec

FORMAT = "cityward-report/1"
FORMAT_CHANGES = "cityward-report-changes/1"
MOST_BYTES = 128 << 20
"""Of a report that is read. PRECEDENT: 3,000 assets and 9,000 flows by sixty controls make some 60 MB."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a report. Times are UTC, as text; "" where there is none."""


class Ground(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a judgement rests on. entry: the log entry's id (`worker-0:118`), or ""; line: of the declaration, or ""."""

    cls: str
    entry: str = ""
    line: str = ""
    said: str
    at: str = ""


class Judged(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One subject of one control. finding: its id, the same from report to report."""

    finding: str
    subject: str
    result: str
    said: str
    grounds: tuple[Ground, ...] = ()
    path: tuple[str, ...] = ()
    missing: str = ""
    mend: str = ""


class ControlTold(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One control. attestable: a person's statement may stand in for what cannot be observed."""

    id: str
    title: str
    severity: str
    result: str
    why: str
    supports: dict[str, tuple[str, ...]]
    false_positives: str
    attestable: bool
    by_result: dict[str, int]
    by_class: dict[str, int]
    subjects: tuple[Judged, ...]


class PrincipleTold(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One principle. human: what no machine can say. to_state: unknown subjects (`K-08 services.x`) a person may speak for."""

    id: str
    name: str
    group: str
    ask: str
    headline: str
    human: str
    to_state: tuple[str, ...]
    controls: tuple[str, ...]
    by_result: dict[str, int]
    by_class: dict[str, int]


class Headline(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number that a council can publish. value: as it is printed, `unknown` where nobody knows. how: how it was computed."""

    id: str
    title: str
    value: str
    how: str
    detail: tuple[str, ...] = ()


class MissingTold(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What would settle so many unknown subjects."""

    what: str
    settles: int
    controls: tuple[str, ...]


class LogRead(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A log the report rests on: how many of its entries, up to the moment, were read, and the last one's id."""

    log: str
    entries: int
    last: str


class Report(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it. warnings: what must be read before anything else. observability: kind -> declared flows.

    threats: how they stand (`open`, `unknown` ...) -> threats of flows that cross a boundary; empty where none does.
    """

    format: str = FORMAT
    place: str
    name: str
    declaration: str
    at: str
    at_us: int
    version: str
    warnings: tuple[str, ...]
    headlines: tuple[Headline, ...]
    observability: dict[str, int]
    by_result: dict[str, int]
    principles: tuple[PrincipleTold, ...]
    controls: tuple[ControlTold, ...]
    missing: tuple[MissingTold, ...]
    logs: tuple[LogRead, ...]
    threats: dict[str, int] = {}

    def digest(self) -> str:
        """SHA-256 of the canonical form, hexadecimal."""
        return hashlib.sha256(encode(self)).hexdigest()

    def entries(self) -> tuple[str, ...]:
        """The ids of all entries of the logs that a judgement rests on, each once, sorted."""
        named = {
            ground.entry
            for control in self.controls
            for judged in control.subjects
            for ground in judged.grounds
            if ground.entry
        }
        return tuple(sorted(named))


def encode(report: Report) -> bytes:
    """The canonical form: sorted keys, no spaces; what the digest is of."""
    return msgspec.json.encode(report, order="sorted")


def decode(data: bytes) -> Report:
    """The inverse, of a report from this or another city.

    Raises:
        msgspec.DecodeError: it is none, or it is too long.
    """
    if len(data) > MOST_BYTES:
        raise msgspec.DecodeError(f"a report has at most {MOST_BYTES} bytes")
    try:
        found = msgspec.json.decode(data, type=Report)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(f"no report: {type(error).__name__}") from error
    if found.format != FORMAT:
        raise msgspec.DecodeError(f"its format is `{found.format[:40]}`, known is `{FORMAT}`")
    return found
