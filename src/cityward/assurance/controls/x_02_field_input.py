"""X-02: what comes from the street is held to its shape before anything reads it."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, Tries
from cityward.assurance.examples import NOW_US, TOWN, admission, exercised
from cityward.assurance.refusing import rows_refused
from cityward.assurance.results import Judged, Result, Severity
from cityward.assurance.trying import tried
from cityward.guard.reasons import Reason
from cityward.place.data import Observability

FORM = frozenset(
    reason.word
    for reason in (
        Reason.NOT_UTF8, Reason.NOT_JSON, Reason.WRONG_SHAPE, Reason.TOO_LARGE, Reason.TOO_DEEP, Reason.DUPLICATE_KEY,
        Reason.NOT_A_NUMBER, Reason.NOT_FINITE, Reason.UNKNOWN_PROPERTY, Reason.UNIT_MISMATCH, Reason.OUT_OF_RANGE,
        Reason.UNDECODABLE,
    )
)  # fmt: skip
TRIES: Tries = {"S-23": ("*-refused",), "S-21": ("words-refused", "crowd-refused"), "S-10": ("beyond-refused",)}
"""Code in the value of a field; words where numbers go; registers that are written."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each flow from a device that passes here: what was refused for its shape, else what was tried."""
    place = dossier.place
    for name, flow in place.flows.items():
        if flow.from_ not in place.devices or flow.observability is not Observability.ENFORCED:
            continue
        subject = f"flows.{name}"
        by_trial, grounds = tried(dossier, subject, TRIES), rows_refused(dossier, name, FORM)
        if by_trial.result is Result.UNKNOWN and grounds:
            said = f"what had not the declared shape did not pass by `{name}`"
            yield Judged(subject, Result.PROVEN, said, grounds, (flow.from_, subject))
        else:
            yield by_trial


CONTROL = Control(
    id="X-02",
    title="What comes from the street is held to its declared shape before it is used",
    severity=Severity.CRITICAL,
    supports={"NCSC": ("N8",), "EN303645": ("5.13",), "IEC62443-3-3": ("SR 3.5",)},
    check=check,
    false_positives="A row refused for its unit shows that the gate looks; that it looks for everything is for S-23 to show.",
    avoid=Example(
        TOWN, (("exercise:1", exercised("S-23", (), ("json-refused",), subjects=("devices.counter-1",))),), NOW_US
    ),
    prefer=Example(TOWN, (("worker-0:1", admission("counts-in", 5, 2, "out-of-range")),), NOW_US),
    says="flows from devices",
    tries=TRIES,
)
