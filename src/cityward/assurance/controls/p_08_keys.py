"""P-08: who holds the keys is known, and is somebody of whom the owner knows."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import stated, unknown, wrong
from cityward.place.record import UNKNOWN


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each declared key: whether a party of a land that a dataset does not allow holds it."""
    place = dossier.place
    for name, key in place.keys.items():
        subject, holder = f"keys.{name}", key.holder
        if holder == UNKNOWN or place.parties[holder].incorporated_in == UNKNOWN:
            yield unknown(subject, f"who holds `{name}`, or under which law, is not known", "the holder of every key")
            continue
        path, land = (f"parties.{holder}", subject), place.parties[holder].incorporated_in
        protected = [place.datasets[one] for one in key.protects if one in place.datasets]
        if any(one.allowed_jurisdictions and land not in one.allowed_jurisdictions for one in protected):
            said = f"`{holder}`, under the law of `{land}`, holds `{name}`, and what it protects may not be there"
            yield wrong(subject, said, "hold the key at home", *path)
        else:
            yield stated(dossier, subject, f"`{holder}` holds `{name}`", *path)


_HELD = changed(
    ("xa: {code: XA, home: true}", "xa: {code: XA, home: true}\n  xb: {code: XB}"),
    ("purposes:", "  firm: {kind: company, incorporated_in: xb}\npurposes:"),
    ("retention_days: 30,", "retention_days: 30, allowed_jurisdictions: [xa],"),
    ("services:", "keys:\n  disk: {holder: council, protects: [counts]}\nservices:"),
)

CONTROL = Control(
    id="P-08",
    title="Keys are held where the data that they protect may be",
    severity=Severity.HIGH,
    supports={"NCSC": ("N8", "N4"), "EDPB": ("01/2020",)},
    check=check,
    false_positives="A holder in a member of an allowed bloc that is not named itself counts as outside.",
    avoid=Example(_HELD.replace("holder: council", "holder: firm"), now_us=NOW_US),
    prefer=Example(_HELD, now_us=NOW_US),
    says="declared keys",
)
