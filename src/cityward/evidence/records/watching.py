"""What the watch found, and what became of it."""

from __future__ import annotations

import msgspec

from cityward.evidence.records.record import Record


class Found(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="finding"):
    """A detector's finding began or ended. `subject`: a unit's id, or `kind:id`; `began_at` when what it describes began."""

    finding: str
    detector: str
    what: str
    subject: str
    property: str
    severity: str
    phase: str
    began_at: int
    score: float
    incident: str
    facts: dict[str, str]


class Standing(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="standing"):
    """A device's trust crossed a line: `trusted`, `suspect` or `quarantined` from now on. `because`: the findings behind it."""

    device: str
    trust: float
    state: str
    because: tuple[str, ...]


class Marked(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="mark"):
    """Held observations of a device are marked (`suspect`, `retracted`) or cleared again; they stay where they are.

    `rows` and `digest` (SHA-256 over them in canonical order) say which; observed from `since` to before `until`.
    """

    mark: str
    device: str
    properties: tuple[str, ...]
    since: int
    until: int
    state: str
    why: str
    rows: int
    digest: str
    person: str


class Retracted(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="retraction"):
    """What was derived from marked data was made again without it, and who must be told. Counts and ids, not values."""

    device: str
    since: int
    until: int
    marks: tuple[str, ...]
    person: str
    hours: int
    ranges: int
    commands: tuple[str, ...]
    commands_more: int
    tell: tuple[str, ...]


class Acknowledged(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="acknowledgement"):
    """A person took an incident in hand, or closed it."""

    incident: str
    person: str
    state: str
    note: str


class Alerted(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="alert"):
    """An alert left by a declared channel, or could not: `sent`, `failed`, `shed`, `refused`."""

    channel: str
    flow: str
    incident: str
    outcome: str
    tries: int
    digest: str


class Contained(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="containment"):
    """A device, party, site or jurisdiction is cut off, or joined again.

    `step`: asked | approved | begun | lifted | expired | refused. `units` how many, `digest` which (SHA-256 over their ids,
    sorted, one a line). `cost`: what it takes from the city, as it was shown before. `until` 0: until somebody lifts it.
    """

    containment: str
    step: str
    target: str
    person: str
    reason: str
    until: int
    units: int
    digest: str
    cost: dict[str, str]


class FileNoted(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="file-noted"):
    """A step of an incident file. step: opened | joined | decided | told | noted | closed. The file is the fold of its steps.

    incidents: of the watch, that are in the file from now on. subjects: as those of findings. refs: entries of the log that
    the step is about. to: whom somebody told. facts: what a person says of it (`people`, `duty`, `began`), in words.
    """

    file: str
    step: str
    person: str
    text: str
    incidents: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    to: str = ""
    facts: dict[str, str] = msgspec.field(default_factory=dict)


class Assigned(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="assignment"):
    """A person gave an incident of the watch to a person of the city; to "": to nobody any more."""

    incident: str
    person: str
    to: str
    note: str = ""


class Snoozed(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="snooze"):
    """A person put an incident of the watch off until a time (city us); 0: took it up again. severity: what they saw of it."""

    incident: str
    person: str
    until: int
    severity: str
    why: str = ""
