"""K-08: what people lose when a service fails, lies or leaks was thought through, and within a year."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, attested, changed
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import unknown, wrong
from cityward.evidence.records import Attested
from cityward.time import DAY, iso

CURRENT_US = 366 * DAY


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each service: its functions are declared, and its owner states the impact."""
    place = dossier.place
    stated = dossier.trail.newest(Attested, lambda record: (record.control, record.subject))
    for name in place.services:
        subject = f"services.{name}"
        functions = [function for function, one in place.functions.items() if one.service == name]
        path = (subject, *(f"functions.{one}" for one in functions))
        entry = stated.get(("K-08", subject))
        if not functions:
            yield wrong(subject, f"what people lose without `{name}` is not declared", "declare its functions", *path)
        elif entry is not None and dossier.now_us - entry.record.at > CURRENT_US:
            said = f"the impact of `{name}` was looked at last on {iso(entry.record.at)[:10]}, more than a year ago"
            yield wrong(subject, said, "look at it anew, and state so: `cityward attest`", *path)
        else:
            said = f"who looked at what happens when `{name}` fails, lies or leaks is not on record"
            yield unknown(subject, said, "a statement of its impact by each service's owner: `cityward attest`", *path)


CONTROL = Control(
    id="K-08",
    title="The impact of each service on people is stated, and looked at each year",
    severity=Severity.MEDIUM,
    supports={"NCSC": ("N1", "N2"), "CAF": ("B3.a",)},
    check=check,
    false_positives="A statement says that somebody looked, not that they saw all of it.",
    avoid=Example(changed(), now_us=NOW_US),
    prefer=Example(
        changed(("services:", "functions:\n  lit: {service: street-light}\nservices:")),
        (("statements:1", attested("K-08", "services.street-light", "dark streets; nothing about people")),),
        NOW_US,
    ),
    says="services",
    attestable=True,
)
