"""Cameras: that what is looked at may be, that what is kept ends in time, and that whoever may see a picture can be found.

What records name is looked up in `reading.references`. Does not live here: who may look now (`guard.viewing`).
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from cityward.place.cameras import Camera, Point
from cityward.place.checks.whole import Problem, Whole, Word
from cityward.place.hints import listed, shown
from cityward.place.record import UNKNOWN
from cityward.place.roles import Right

MOST_MASKED = 0.95  # a picture that is black is no picture


def cameras_look_as_declared(whole: Whole) -> Iterator[Problem]:
    """The pictures come from this camera's device to the platform, as a dataset and for a purpose that their flow carries."""
    taken: dict[str, str] = {}
    for name, camera in whole.place.cameras.items():
        path, flow = f"cameras.{name}", whole.place.flows.get(camera.flow)
        other = taken.setdefault(camera.device, name)
        if other != name:
            yield Problem(f"{path}.device", f"`{camera.device}` is camera `{other}` already", "one camera, one record")
        if flow is None:
            continue
        if flow.from_ not in (camera.device, whole.group_of.get(camera.device)) or flow.to != whole.place.platform:
            what = f"flow `{camera.flow}` leads from `{flow.from_}` to `{flow.to}`, not from `{camera.device}` to the platform"
            yield Problem(f"{path}.flow", what, "name the flow by which its pictures come here")
        if camera.dataset not in flow.datasets:
            what = f"flow `{camera.flow}` carries {listed(flow.datasets)}, not `{camera.dataset}`"
            yield Problem(f"{path}.dataset", what, "name the dataset that its pictures are")
        if camera.purpose != flow.purpose:
            what = f"the camera is for `{camera.purpose}`, its flow for `{flow.purpose}`"
            yield Problem(f"{path}.purpose", what, "declare one purpose for both")
        yield from _drawn(path, camera)
        yield from _found(whole, path, camera)


def _drawn(path: str, camera: Camera) -> Iterator[Problem]:
    for n, mask in enumerate(camera.masks):
        if _area(mask) <= 0.0:
            yield Problem(
                f"{path}.masks[{n}]", "the polygon covers nothing", "give three points or more, not in one line"
            )
    if sum(_area(mask) for mask in camera.masks) > MOST_MASKED:
        yield Problem(f"{path}.masks", "the masks cover nearly the whole picture", "mask less, or take the camera down")
    for line, one in camera.counts.items():
        if one.begin == one.end:
            yield Problem(f"{path}.counts.{line}", "the line begins where it ends", "give it two different ends")


def _area(mask: tuple[Point, ...]) -> float:
    """Of a polygon, by the surveyor's formula; shares of the picture."""
    pairs = zip(mask, (*mask[1:], mask[0]), strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2


def _found(whole: Whole, path: str, camera: Camera) -> Iterator[Problem]:
    """An address that the stream names is one of the device's."""
    device = whole.device(camera.device)
    for field, address in (("stream", camera.stream), ("onvif", camera.onvif or "")):
        try:
            parts = urlsplit(address)
            _ = parts.port
        except ValueError:
            yield Problem(f"{path}.{field}", f"`{shown(address)}` is no address", "write `rtsp://host/path`")
            continue
        if "@" in parts.netloc:
            mend = "keep it by `cityward camera login`, and leave it out here"
            yield Problem(f"{path}.{field}", "a login stands in the address", mend)
        if parts.scheme in ("", "file") or device is None or not device.addresses:
            continue
        host = parts.hostname or ""
        if not any(_holds(block, host) for block in device.addresses):
            what = f"`{shown(host)}` is none of the addresses of `{camera.device}`: {listed(device.addresses)}"
            yield Problem(f"{path}.{field}", what, "name the camera's own address, or declare it for the device")


def _holds(block: str, host: str) -> bool:
    try:
        return ip_address(host) in ip_network(block, strict=False)
    except ValueError:
        return block.lower() == host.lower()


def cameras_are_kept_and_shown_within_bounds(whole: Whole) -> Iterator[Problem]:
    """Nothing is kept longer than its dataset; a picture can be seen by some role, a clear one agreed to by another person."""
    roles = whole.place.roles
    seen = {name for role in roles.values() if Right.VIEW in role.rights for name in role.datasets}
    agrees = any(Right.APPROVE in role.rights for role in roles.values())
    for name, camera in whole.place.cameras.items():
        path, dataset = f"cameras.{name}", whole.place.datasets.get(camera.dataset)
        if (
            dataset is not None
            and dataset.retention_days != UNKNOWN
            and camera.keep_hours > dataset.retention_days * 24
        ):
            what = (
                f"recordings are kept for {camera.keep_hours:g} h, `{camera.dataset}` for {dataset.retention_days} days"
            )
            yield Problem(f"{path}.keep_hours", what, "keep them for less, or the dataset for longer")
        if camera.viewing is None or not roles:  # a place without roles shows nobody a picture (docs/cctv.md)
            continue
        if camera.dataset not in seen:
            what = f"pictures may be seen, and nobody could: no role has the right `view` with `{camera.dataset}`"
            yield Problem(f"{path}.viewing", what, "give a role both, or leave `viewing` out")
        if camera.viewing.clear and not agrees:
            what = "a clear picture needs a second person, and nobody could be: no role has the right `approve`"
            yield Problem(f"{path}.viewing.clear", what, "give a role the right `approve`")


def roles_that_view_are_for_a_task(whole: Whole) -> Iterator[Problem]:
    """People of another party look through cameras only for a task, from declared addresses."""
    for name, role in whole.place.roles.items():
        if Right.VIEW not in role.rights or role.party == whole.place.responsible:
            continue
        if role.standing or not role.from_addresses:
            what = f"people of `{role.party}` would look through cameras at any time, or from anywhere; the gate refuses them"
            yield Problem(f"roles.{name}", what, "say `standing: false` and from which addresses they come")


# --- warnings


def cameras_that_search_no_plates(whole: Whole) -> Iterator[Problem]:
    """Whoever owns the data sees where a plate that stands still would be kept as it is, and why."""
    for name, camera in whole.place.cameras.items():
        if camera.no_vehicles is not None:
            what = f"`{name}` does not search for number plates: {shown(camera.no_vehicles)}"
            mend = "leave `no_vehicles` out, if a vehicle can come into view after all"
            yield Problem(f"cameras.{name}.no_vehicles", what, mend, Word.UNSEARCHED)
