"""J-09: a thing does its work without its maker's cloud, or it is declared that it does not."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, Tries
from cityward.assurance.examples import NOW_US, changed, exercised
from cityward.assurance.results import Judged, Severity
from cityward.assurance.trying import tried

TRIES: Tries = {"S-08": ("radio-told",), "S-07": ("way-told", "update-told")}
"""A second way out of the equipment; the maker's cloud turns against it."""


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each device model in use that somebody else than the responsible party makes, or may make."""
    place = dossier.place
    for name in sorted({device.model for device in place.devices.values()}):
        if place.device_models[name].maker != place.responsible:
            yield tried(dossier, f"device_models.{name}", TRIES)


_MADE_ELSEWHERE = changed(
    ("purposes:", "  firm: {kind: company, incorporated_in: xa}\npurposes:"),
    ("lamp: {maker: council", "lamp: {maker: firm"),
)

CONTROL = Control(
    id="J-09",
    title="No device depends on a maker's cloud that is not declared",
    severity=Severity.HIGH,
    supports={"NCSC": ("N4", "N7"), "5E": ("supply-chain",), "EN303645": ("5.9",)},
    check=check,
    false_positives="A radio of its own, past every gate, is found by its silence on our link at best.",
    avoid=Example(
        _MADE_ELSEWHERE,
        (("exercise:1", exercised("S-08", ("street-light",), ("radio-told",), subjects=("devices.lamp-1",))),),
        NOW_US,
    ),
    prefer=Example(
        _MADE_ELSEWHERE,
        (("exercise:1", exercised("S-08", (), subjects=("devices.lamp-1",), met=TRIES["S-08"])),),
        NOW_US,
    ),
    says="device models of other makers",
    tries=TRIES,
)
