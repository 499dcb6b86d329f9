"""I-01: what is not plausible is noticed."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, Tries, on_record
from cityward.assurance.examples import NOW_US, TOWN, exercised, found
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.trail import Entry
from cityward.assurance.trying import tried
from cityward.evidence.records import Found

TRIES: Tries = {"S-18": ("noticed",), "S-10": ("beyond-refused", "not-believed"), "S-02": ("twice",)}
"""A sensor that is bathed; registers that are written; users who are not there."""
PLAUSIBLE = frozenset(
    {
        "limits", "rate-of-change", "freeze", "expected-range", "step-bias", "drift", "noise-loss", "scaling", "resonance",
        "system-consistency", "crowd-of-one", "coordinated", "impossible-travel", "replayed-history",
    }
)  # fmt: skip


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each model of a device that observes something: what was tried of it, else what the watch found."""
    place, spoke = dossier.place, _spoke(dossier)
    for name in sorted(
        {device.model for device in place.devices.values() if place.device_models[device.model].properties}
    ):
        subject = f"device_models.{name}"
        by_trial, entry = tried(dossier, subject, TRIES), spoke.get(name)
        if by_trial.result is Result.UNKNOWN and entry is not None:
            said = f"what `{entry.record.subject}` said was held to what is plausible: {entry.record.detector} spoke"
            ground = on_record(EvidenceClass.OBSERVED, entry, said)
            yield Judged(subject, Result.PROVEN, said, (ground,), (subject, entry.record.subject))
        else:
            yield by_trial


def _spoke(dossier: Dossier) -> dict[str, Entry[Found]]:
    """Model -> the last finding of a detector of plausibility about one of its devices."""
    registry = dossier.registry
    found: dict[str, Entry[Found]] = {}
    for entry in dossier.trail.of(Found):
        unit = registry.unit_index.get(entry.record.subject)
        if unit is not None and entry.record.detector in PLAUSIBLE:
            found[registry.units[unit].model] = entry
    return found


_COUNTER = ("devices.counter-1",)

CONTROL = Control(
    id="I-01",
    title="What is not plausible is noticed",
    severity=Severity.HIGH,
    supports={"NCSC": ("N8", "N10"), "EN303645": ("5.10",)},
    check=check,
    false_positives="A finding shows that the watch looks at a model, not that it would see every lie: see its benches.",
    avoid=Example(TOWN, (("exercise:1", exercised("S-18", (), ("noticed",), subjects=_COUNTER)),), NOW_US),
    prefer=Example(TOWN, (("watch:1", found("limits", "counter-1")), ("watch:2", found("freeze", "lamp-1"))), NOW_US),
    says="device models that observe something",
    tries=TRIES,
)
