"""The kinds of record. Each is one entry of the log, as canonical JSON (sorted keys, no spaces), tagged by `kind`.

Records carry counts, sequence ranges and digests, not the personal data itself: what is erased from history stays proven.
"""

from __future__ import annotations

import msgspec


class Record(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", omit_defaults=False
):
    """`at` is city time in us; `by` the role that writes (worker-0, service, web)."""

    at: int
    by: str


class Admission(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="admission"):
    """One batch went through the admit gate: log sequences `first_seq..last_seq`, and what became of their rows.

    `digest` is SHA-256 over the admitted columns (see `guard.admit.digest`), `refused` counts by reason word.
    Written before the batch is held: after a crash the same range is judged again and must give the same digest.
    """

    stream: str
    partitions: tuple[int, ...]
    first_seq: int
    last_seq: int
    received: int
    admitted: int
    shed: int
    refused: dict[str, int]
    by_flow: dict[str, tuple[int, int, int, int]]  # received, admitted, refused, shed
    by_reason: dict[str, dict[str, int]] = {}  # flow -> reason word -> rows refused or shed
    digest: str
    declaration: str  # SHA-256 of the declaration it was judged by
    parts: int = 0  # so many `AdmissionPart`s stand right before it, with the flows that did not fit here


class AdmissionPart(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="admission-part"):
    """Further flows of the admission that follows; where none of this range does, it was never made."""

    stream: str
    first_seq: int
    last_seq: int
    by_flow: dict[str, tuple[int, int, int, int]]
    by_reason: dict[str, dict[str, int]] = {}


class Superseded(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="superseded"):
    """An admission that was written but never held, and could not be repeated alike (the declaration had changed)."""

    entry: int
    why: str


class CommandIssued(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="command"):
    """A command left the permit gate, with its cause. Written before it is sent. `sources`: the devices it rests on."""

    command_id: str
    service: str
    device: str
    command: str
    value: float
    cause: dict[str, str]
    sources: tuple[str, ...] = ()


class CommandOutcome(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="command-outcome"):
    """What became of a command: `acknowledged`, `timed-out`, `rejected`."""

    command_id: str
    device: str
    outcome: str
    level: float | None


class CommandRefused(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="command-refused"):
    """The permit gate refused a proposal."""

    service: str
    device: str
    command: str
    value: float
    reason: str


class PlanIssued(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="plan"):
    """A plan left the permit gate: an order of work for people. Written before they are given it. Digests SHA-256, hexadecimal.

    digest: over the crew and the stops. areas: stops in each. sources: how many devices it rests on, `sources_digest` which
    (their ids, sorted, one a line). fixed: the declared plan that needs no reading. until: when it is over, city us.
    """

    plan_id: str
    service: str
    plan: str
    crew: str
    stops: int
    areas: dict[str, int]
    digest: str
    cause: dict[str, str]
    sources: int
    sources_digest: str
    fixed: bool
    until: int


class PlanRefused(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="plan-refused"):
    """The permit gate refused a plan."""

    service: str
    plan: str
    crew: str
    stops: int
    reason: str


class PlanEnded(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="plan-ended"):
    """A plan is over: `done`, `superseded`, `expired`, or `withdrawn`. `person`: who said so, where somebody did."""

    plan_id: str
    outcome: str
    person: str
    detail: dict[str, str]


class OverrideBegun(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="override"):
    """A person holds actuators at a value, or asked to. `step`: asked | approved | begun.

    target: the device or group that was named; devices: how many units it is, `digest` which (SHA-256 over their ids, sorted,
    one a line). until: when it ends by itself, city us. preview: what the gate said of it before, in words.
    """

    override: str
    step: str
    service: str
    target: str
    devices: int
    digest: str
    command: str
    value: float
    person: str
    reason: str
    until: int
    preview: dict[str, str]


class OverrideEnded(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="override-ended"):
    """A person's hold is over, and the service takes over: `undone`, `expired`, or `refused` before it began."""

    override: str
    outcome: str
    person: str


class Consent(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="consent"):
    """A command waits for a second person, or what became of that: `asked`, `approved`, `refused`, `expired`."""

    request: str
    step: str
    service: str
    device: str
    command: str
    value: float
    person: str
    until: int


class Lifecycle(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="lifecycle"):
    """The platform itself: started, stopped, device revoked, credential issued, sign-in, broker refusals (counted)."""

    event: str
    detail: dict[str, str]


class Signing(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="signing"):
    """A proposal was judged by the house rules, and somebody put the answer on record. Digests are SHA-256, hexadecimal.

    The digests are all that the verdict follows from: with the same declaration and proposal it can be judged again, and must
    give the same. `broken` and `possibly`: `rule subject`, the first of `counts`.
    """

    proposal: str
    verdict: str
    decided_by: str
    day: str
    base: str
    overlay: str
    proposed: str
    rules: str
    instruments: dict[str, str]
    broken: tuple[str, ...] = ()
    possibly: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    find_out: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()
    counts: dict[str, int] = {}


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


class DeviceLife(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="device-life"):
    """A device's life changed: added | rotated | revoked | lost | stolen | retired | found, by whom."""

    device: str
    to: str
    person: str
    detail: dict[str, str]


class Release(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="release"):
    """A receipt: rows left, written before they do. Times city us; digests SHA-256, hexadecimal.

    digest: over what was told, column by column. units: how many devices are in it, `units_digest` which (their ids, sorted, one
    a line). form: the form in words. withheld: rows that were asked for and did not leave, by why. rules: the table that
    decided. to: the address block or endpoint it went to, as declared.
    """

    recipient: str
    party: str
    flow: str
    agreement: str
    datasets: tuple[str, ...]
    purpose: str
    way: str
    to: str
    form: dict[str, str]
    since: int
    until: int
    rows: int
    units: int
    units_digest: str
    digest: str
    withheld: dict[str, int]
    rules: str
    posture: str
    declaration: str


class ReleaseRefused(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="release-refused"):
    """Somebody asked for data and got none. `count`: alike ones within the span that this entry stands for."""

    recipient: str
    dataset: str
    purpose: str
    source: str
    reasons: tuple[str, ...]
    count: int
    rules: str


class Delivery(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="delivery"):
    """What became of released rows: `delivered`, `failed`, `shed` (with why). `receipt`: the entry of their `Release`."""

    receipt: str
    recipient: str
    outcome: str
    rows: int
    tries: int
    reason: str = ""


class RecipientLife(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="recipient-life"):
    """A recipient's life changed: added | rotated | revoked | expired, by whom."""

    recipient: str
    to: str
    person: str
    detail: dict[str, str]


class Approval(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="approval"):
    """An agreement was approved as it stands.

    control: of who has power over its parties; scope: of its datasets, purposes, flows and forms. SHA-256: when one of them
    differs from what the declaration says now, the agreement is pending.
    """

    agreement: str
    person: str
    control: str
    scope: str


class Granted(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="grant"):
    """A person holds a role, or no longer. `step`: given | taken | expired | refused | glass-broken. `until` 0: for good."""

    grant: str
    person: str
    role: str
    step: str
    by_whom: str
    reason: str
    until: int


class Read(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="read"):
    """What a person read of observed data or of evidence, gathered over a span: counts by what was read."""

    person: str
    session: str
    what: dict[str, int]
    since: int
    until: int


class Postured(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="posture"):
    """A posture came into force, or ended. `step`: asked | approved | on | off | expired | refused. `cost`: what it stops."""

    posture: str
    step: str
    person: str
    reason: str
    until: int
    cost: dict[str, str]


class Erased(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="erasure"):
    """Rows are gone: `why` is `retention` or `request`. `digest`: SHA-256 over the erased rows: their admission stays proven.

    oldest: what is the oldest row left of the dataset, city us; 0: none is left. tell: recipients who were given some of it.
    """

    dataset: str
    device: str
    why: str
    since: int
    until: int
    rows: int
    copies: dict[str, int]  # store -> rows or files
    digest: str
    oldest: int
    tell: tuple[str, ...]
    person: str


class Heartbeat(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="heartbeat"):
    """A gate is alive: `beat` counts from 1 without a gap, `decided` is what it judged since. A missing beat shows.

    within: the next beat comes at most so long after this one, city us; 0: it does not say. state: `begun`, `alive` or
    `stopped` (in order, so that no beat is due until the gate begins again).
    """

    gate: str
    beat: int
    decided: dict[str, int]
    within: int = 0
    state: str = "alive"


class FeedJudged(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="feed"):
    """A document of a flow went through its gate. standing: `admitted`, `unchanged` or `refused`, the last one with `why`.

    digest: SHA-256 of its bytes as they came; seq: of the log, 0 of a document that is not in it. timestamp: what its own head
    says, POSIX s. refused: reason -> entities. left_out: stops of trip updates. not_checked: published rules that could not be.
    """

    flow: str
    seq: int
    standing: str
    why: str = ""
    digest: str
    size: int
    timestamp: int = 0
    entities: int = 0
    admitted: int = 0
    refused: dict[str, int] = {}
    left_out: int = 0
    not_checked: tuple[str, ...] = ()
    declaration: str


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


class Attested(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="attestation"):
    """A person stated that a control's good state holds of a subject (`*`: of all), until then (city us), within `scope`.

    word: `holds`, `does-not-hold`, or `withdrawn`: the person's statement of before counts no longer. declaration: SHA-256 of
    the declaration it was said of; declared: a digest of what that said of the subject, see `place/digests.py`.
    """

    control: str
    subject: str
    person: str
    said: str
    scope: str
    until: int
    word: str = "holds"
    declaration: str = ""
    declared: str = ""


class RiskAccepted(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="risk-accepted"):
    """An owner bears the risk that a control fails of a subject, until then (city us). person: who put it on record.

    declaration, declared: as of `Attested`: what is borne was looked at as it was declared then.
    """

    control: str
    subject: str
    owner: str
    person: str
    why: str
    until: int
    declaration: str = ""
    declared: str = ""


class Exercised(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="exercise"):
    """An attack was tried on a twin of the city. met, missed: what must happen, by id. score: seconds or counts, by name.

    subjects: `kind.id` of what was attacked. checkpoint: SHA-256 over the twin's last checkpoints, so that its logs, where they
    are kept, prove this entry. declared: of each service and subject a digest of what the declaration said of it, see
    `place/digests.py`.
    """

    scenario: str
    seed: int
    met: tuple[str, ...]
    missed: tuple[str, ...]
    score: dict[str, float]
    services: tuple[str, ...]
    declaration: str
    person: str
    subjects: tuple[str, ...] = ()
    checkpoint: str = ""
    declared: dict[str, str] = {}


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


class Reported(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="report"):
    """A report was signed and given out. digest: of the assessment; manifest: of the signed manifest (SHA-256, hexadecimal).

    moment: what it tells the state of, city us. forms: the files. since: the report it was compared with, or "".
    """

    digest: str
    manifest: str
    moment: int
    declaration: str
    forms: tuple[str, ...]
    person: str
    since: str = ""


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
    facts: dict[str, str] = {}


class HoldRefused(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="override-refused"):
    """A person's order to hold actuators at a value was refused, and changed nothing. why: in words."""

    service: str
    target: str
    command: str
    value: float
    person: str
    why: str


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


AnyRecord = (
    Admission
    | AdmissionPart
    | Superseded
    | CommandIssued
    | CommandOutcome
    | CommandRefused
    | PlanIssued
    | PlanRefused
    | PlanEnded
    | OverrideBegun
    | OverrideEnded
    | Consent
    | Lifecycle
    | Signing
    | Found
    | Standing
    | Marked
    | Retracted
    | Acknowledged
    | Alerted
    | Contained
    | DeviceLife
    | Release
    | ReleaseRefused
    | Delivery
    | RecipientLife
    | Approval
    | Granted
    | Read
    | Postured
    | Erased
    | FeedJudged
    | SegmentKept
    | SegmentsGone
    | ViewAsked
    | ViewGranted
    | ViewRefused
    | ViewEnded
    | VideoExported
    | Attested
    | RiskAccepted
    | Exercised
    | Heartbeat
    | Reported
    | FileNoted
    | HoldRefused
    | Assigned
    | Snoozed
)

_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(AnyRecord)


def encode(record: AnyRecord) -> bytes:
    """The record's one canonical form: what is hashed and kept."""
    return _ENCODER.encode(record)


def decode(data: bytes) -> AnyRecord:
    """The inverse of `encode`.

    Raises:
        msgspec.DecodeError: not a record of a known kind.
    """
    try:
        return _DECODER.decode(data)
    except (UnicodeDecodeError, RecursionError) as error:  # neither is msgspec's own, both come out of its decoder
        raise msgspec.DecodeError(f"no record: {type(error).__name__}") from error
