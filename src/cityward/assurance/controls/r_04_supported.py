"""R-04: what runs on the street is mended by its maker for as long as it is to stay there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import Judged, Severity
from cityward.assurance.saying import stated, unknown, wrong
from cityward.place.things import Device, DeviceStatus
from cityward.time import from_us

GONE = frozenset({DeviceStatus.RETIRED, DeviceStatus.REVOKED, DeviceStatus.STOLEN})


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each device, or group: the end of its model's support against how long it is to stay."""
    today = from_us(dossier.now_us).date()
    for name, device in dossier.place.devices.items():
        if device.status not in GONE:
            yield _judged(dossier, name, device, today)


def _judged(dossier: Dossier, name: str, device: Device, today: date) -> Judged:
    subject, path = f"devices.{name}", (f"devices.{name}", f"device_models.{device.model}")
    ends, stays = dossier.place.device_models[device.model].support_ends, device.planned_until
    if ends is None:
        said = f"until when the maker of `{device.model}` mends it is not known"
        return unknown(subject, said, "`support_ends` of every device model", *path)
    if ends < today:
        said = f"`{device.model}` was supported until {ends}, and `{name}` still runs"
        return wrong(subject, said, "replace it, or bear the risk with an end: `cityward risk accept`", *path)
    if stays is None:
        return unknown(subject, f"until when `{name}` is to stay is not said", "`planned_until` of every device", *path)
    if stays > ends:
        said = f"`{name}` is to stay until {stays}, and `{device.model}` is supported until {ends}"
        return wrong(subject, said, "plan its replacement, or have support prolonged", *path)
    return stated(dossier, subject, f"`{name}` stays until {stays}; `{device.model}` is supported until {ends}", *path)


def _ending(ends: str) -> str:
    return changed(
        ("counter: {maker: council,", f"counter: {{maker: council, support_ends: {ends},"),
        ("lamp: {maker: council,", "lamp: {maker: council, support_ends: 2035-01-01,"),
        ("counter-1: {model: counter,", "counter-1: {model: counter, planned_until: 2030-01-01,"),
        ("lamp-1: {model: lamp,", "lamp-1: {model: lamp, planned_until: 2034-01-01,"),
    )


CONTROL = Control(
    id="R-04",
    title="Everything on the street is supported by its maker for as long as it is to stay",
    severity=Severity.HIGH,
    supports={"NCSC": ("N13", "N12"), "EN303645": ("5.3",), "CRA": ("II",)},
    check=check,
    false_positives="Support that is promised is not a mend that came; which version runs is not looked at.",
    avoid=Example(_ending("2028-01-01"), now_us=NOW_US),
    prefer=Example(_ending("2031-01-01"), now_us=NOW_US),
    says="devices and groups in use",
)
