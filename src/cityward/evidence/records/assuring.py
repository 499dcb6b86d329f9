"""What people vouch for: answers, statements, accepted risks, exercises, reports."""

from __future__ import annotations

import msgspec

from cityward.evidence.records.record import Record


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
    counts: dict[str, int] = msgspec.field(default_factory=dict)


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
    declared: dict[str, str] = msgspec.field(default_factory=dict)


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
