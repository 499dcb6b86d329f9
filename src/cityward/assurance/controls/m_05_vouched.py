"""M-05: what is on record cannot be changed without somebody outside seeing it."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.saying import unknown, wrong
from cityward.evidence.records import Lifecycle

EVENTS = frozenset({"witness-vouches", "witness-away", "witness-contradicts"})


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each declared witness: what it last said of the logs."""
    place = dossier.place
    said_last = {
        entry.record.detail.get("witness", ""): entry
        for entry in dossier.trail.of(Lifecycle)
        if entry.record.event in EVENTS
    }
    for name in place.witnesses:
        subject, entry = f"witnesses.{name}", said_last.get(name)
        if entry is None:
            yield unknown(
                subject, f"`{name}` did not vouch for anything yet", "a witness that answers: cityward witness"
            )
            continue
        state = entry.record.event.removeprefix("witness-")
        ground = on_record(EvidenceClass.OBSERVED, entry, f"`{name}` {state}")
        if state == "vouches":
            said = f"`{name}` vouches that the logs only grew"
            yield Judged(subject, Result.PROVEN, said, (ground,), (subject,))
        elif state == "contradicts":
            said = f"`{name}` holds another history than the city's logs: {entry.record.detail.get('why', '')}"
            yield Judged(subject, Result.FAILED, said, (ground,), (subject,), mend="ask the witness what it has")
        else:
            yield unknown(subject, f"`{name}` did not answer when it was last asked", "a witness that answers")
    if not place.witnesses and place.platform is not None:
        said = "nobody outside vouches for the logs: whoever has their key could write them anew"
        yield wrong(
            f"systems.{place.platform}", said, "declare a witness of another party", f"systems.{place.platform}"
        )


_WITNESSED = changed(
    ("purposes:", "  office: {kind: public-body, incorporated_in: xa, addresses: [witness.example]}\npurposes:"),
    (
        "services:",
        "  heads-out:\n    {from: cityward, to: office, datasets: [counts], purpose: planning, protocol: http, "
        "agreement: vouching, observability: enforced}\n"
        "agreements:\n  vouching: {kind: sharing, parties: [council, office], datasets: [counts], purposes: [planning]}\n"
        "witnesses:\n  hall: {flow: heads-out, endpoint: 'https://witness.example/', "
        "key: 'witness.example/hall+d5a87c2b+BGB5yTW1VyH9p2hH8k8J6wkpAYuLPDkW9aATWRvWQzF8'}\nservices:",
    ),
)
_VOUCHES = Lifecycle(at=NOW_US, by="witness", event="witness-vouches", detail={"witness": "hall", "key": "", "why": ""})

CONTROL = Control(
    id="M-05",
    title="The evidence can be checked by an outsider, and somebody outside vouches that it only grew",
    severity=Severity.HIGH,
    supports={"NCSC": ("N10",), "CAF": ("C1.b",), "IEC62443-3-3": ("SR 3.9",)},
    check=check,
    false_positives="A witness of the same house as the city vouches for itself: whose it is, is for the declaration to say.",
    avoid=Example(changed(), now_us=NOW_US),
    prefer=Example(_WITNESSED, (("witness:1", _VOUCHES),), NOW_US),
    says="witnesses of the logs",
)
