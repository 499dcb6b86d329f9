"""What left, who may have it, and what was erased; what people hold and read."""

from __future__ import annotations

from cityward.evidence.records.record import Record


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
