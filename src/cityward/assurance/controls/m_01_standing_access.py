"""M-01: nobody but the city's own people holds a way in for good."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.trail import Entry
from cityward.evidence.records import Granted
from cityward.time import DAY, HOUR


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each role of a party that does not answer for the place, and each declared standing access of one."""
    place, held = dossier.place, _held(dossier)
    for name, role in place.roles.items():
        if role.party == place.responsible:
            continue
        subject, entries = f"roles.{name}", held.get(name, ())
        path = (f"parties.{role.party}", subject)
        forever = [entry for entry in entries if entry.record.until == 0]
        if forever:
            said = f"{len(forever)} people of `{role.party}` hold `{name}` for good"
            ground = on_record(EvidenceClass.OBSERVED, forever[-1], said)
            yield Judged(subject, Result.FAILED, said, (ground,), path, mend="take the grant; open it for a task")
        elif entries:
            said = f"every grant of `{name}` ended or ends by itself"
            yield Judged(subject, Result.PROVEN, said, (on_record(EvidenceClass.ENFORCED, entries[-1], said),), path)
        else:
            said = f"nobody was ever given `{name}`"
            yield Judged(subject, Result.UNKNOWN, said, path=path, missing="a grant, or an exercise of S-04")
    for name, access in place.accesses.items():
        if access.standing and access.party != place.responsible and {"command", "update", "write"} & set(access.modes):
            said = f"`{access.party}` has a way into `{access.target}` at any time: {', '.join(access.modes)}"
            mend = "declare it `standing: false`, and open it for a task"
            yield Judged(
                f"accesses.{name}", Result.FAILED, said, path=(f"parties.{access.party}", access.target), mend=mend
            )


def _held(dossier: Dossier) -> Mapping[str, list[Entry[Granted]]]:
    """Role -> the grants of it, each as it stands now; a grant for good that was taken back counts as one that ended."""
    found: dict[str, list[Entry[Granted]]] = {}
    newest = dossier.trail.newest(Granted, lambda record: record.grant)
    for entry in newest.values():
        record = entry.record
        if record.step in {"given", "glass-broken"} or record.until:
            found.setdefault(record.role, []).append(entry)
    return found


def _given(until: int) -> Granted:
    return Granted(
        at=NOW_US, by="people", grant="g1", person="sam", role="support", step="given", by_whom="ada", reason="a lamp",
        until=until,
    )  # fmt: skip


_SUPPORT = changed(
    ("purposes:", "  maker: {kind: company, incorporated_in: xa}\npurposes:"),
    ("services:", "roles:\n  support: {party: maker, rights: [look], standing: false, longest_hours: 4}\nservices:"),
)

CONTROL = Control(
    id="M-01",
    title="No supplier holds a way in for good",
    severity=Severity.CRITICAL,
    supports={"NCSC": ("N11", "N4"), "CAF": ("B2.c",), "5E": ("supply-chain",)},
    check=check,
    proof_lasts_us=366 * DAY,
    false_positives="A subsidiary that is the city's own in all but name counts as a supplier.",
    avoid=Example(_SUPPORT, (("people:1", _given(0)),), NOW_US),
    prefer=Example(_SUPPORT, (("people:1", _given(NOW_US + 4 * HOUR)),), NOW_US),
    says="roles and accesses of parties other than the responsible one",
)
