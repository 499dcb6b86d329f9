"""What a declaration says of one subject, as a digest: whether it still says the same can be told without keeping it.

Of a device its model goes in, of a service its actuators with their models: what was tried of them was tried of these, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from cityward.place.model import Place


def digest_of_subject(place: Place, subject: str) -> str:
    """SHA-256, hexadecimal, over the records of a subject (`devices.lamp`); "" where the declaration has no such record."""
    kind, _, name = subject.partition(".")
    if _record(place, kind, name) is None:
        return ""
    records = {f"{k}.{n}": _record(place, k, n) for k, n in _with_parts(place, kind, name)}
    return hashlib.sha256(msgspec.json.encode(records, order="sorted")).hexdigest()


def digests_of_subjects(place: Place, subjects: Iterable[str]) -> dict[str, str]:
    """Subject -> its digest, of those that the declaration has a record of."""
    found = {subject: digest_of_subject(place, subject) for subject in subjects}
    return {subject: digest for subject, digest in found.items() if digest}


def _record(place: Place, kind: str, name: str) -> msgspec.Struct | None:
    records: object = getattr(place, kind, None)
    if not isinstance(records, Mapping):
        return None
    record: object = records.get(name)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return record if isinstance(record, msgspec.Struct) else None


def _with_parts(place: Place, kind: str, name: str) -> Iterable[tuple[str, str]]:
    yield kind, name
    devices = (name,) if kind == "devices" else place.services[name].actuators if kind == "services" else ()
    for device in devices:
        yield "devices", device
        if device in place.devices:
            yield "device_models", place.devices[device].model
