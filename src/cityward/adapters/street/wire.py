"""Writes reports as the device's model says it writes them: SenML packs, plain JSON, NGSI-LD entities. Pure.

The counterpart of the protocols' codecs, as a device's firmware would have it: recorded values are converted into the unit
that the model sends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from cityward.adapters.recordings import Report
from cityward.catalogue import PROPERTIES
from cityward.errors import PlaceError
from cityward.place.registry import Registry, Unit
from cityward.place.things import PropertyMapping
from cityward.quantities import conversion
from cityward.time import SECOND, iso

PACK = 50
"""Readings per SenML pack when there is a backlog. PRECEDENT: a gateway's batch; about 3 kB, far below any flow's limit."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its body, the observations in it, and the time of the last of them."""

    body: bytes
    rows: int
    upto: int


@dataclass(frozen=True, slots=True)
class _Column:
    """How one property goes out: value * factor + offset, under this mapping, in this unit."""

    mapping: PropertyMapping
    unit: str
    factor: float
    offset: float


class Wire:
    """Writes for one unit."""

    def __init__(self, registry: Registry, unit: Unit, recorded_units: Mapping[str, str]) -> None:
        """`recorded_units`: property -> the unit its values come in; absent: the catalogue's.

        Raises:
            PlaceError: the recorded unit does not convert into the one that the model sends.
        """
        self._model, self._device = registry.models[unit.model], unit.id
        self.format = unit.format
        self._columns = {
            prop: _column(unit.model, prop, mapping, recorded_units.get(prop))
            for prop, mapping in self._model.properties.items()
        }

    @property
    def properties(self) -> frozenset[str]:
        """What the unit can say."""
        return frozenset(self._columns)

    def messages(self, reports: Sequence[Report], pack: int = PACK) -> list[Message]:
        """The reports as messages, in order: SenML packs hold up to `pack` readings (and never split a report), the other
        formats one report each. Readings of properties that the model does not declare are left out."""
        if self.format != "senml":
            single = self._entity if self.format == "ngsi-ld" else self._object
            return [m for report in reports if (m := single(report)).rows]
        messages: list[Message] = []
        records: list[dict[str, Any]] = []
        upto = 0
        for report in reports:
            new = self._records(report)
            if records and len(records) + len(new) > pack:
                messages.append(_message(records, len(records), upto))
                records = []
            records.extend(new)
            upto = report.at
        if records:
            messages.append(_message(records, len(records), upto))
        return messages

    def _records(self, report: Report) -> list[dict[str, Any]]:
        """SPEC: RFC 8428 section 4.3: times of 2**28 and above are absolute seconds."""
        at = report.at // SECOND if report.at % SECOND == 0 else report.at / SECOND
        return [
            {"n": c.mapping.key or prop, "u": c.unit, "t": at, "v": _sent(c, value)}
            for prop, value in report.readings
            if (c := self._columns.get(prop)) is not None
        ]

    def _object(self, report: Report) -> Message:
        body: dict[str, Any] = {}
        _put(body, self._model.time_path or "/time", iso(report.at))
        rows = 0
        for prop, value in report.readings:
            if (column := self._columns.get(prop)) is not None:
                _put(body, column.mapping.path or f"/{prop}", _sent(column, value))
                rows += 1
        return _message(body, rows, report.at)

    def _entity(self, report: Report) -> Message:
        """SPEC: ETSI GS CIM 009 (NGSI-LD) 4.5.2: normalized properties; a batch of one."""
        kind = self._model.ngsi_type or "Device"
        entity: dict[str, Any] = {"id": f"urn:ngsi-ld:{kind}:{self._device}", "type": kind}
        rows = 0
        for prop, value in report.readings:
            if (column := self._columns.get(prop)) is not None:
                attribute = {"type": "Property", "value": _sent(column, value), "observedAt": iso(report.at)}
                entity[column.mapping.key or prop] = attribute
                rows += 1
        return _message([entity], rows, report.at)


def _message(body: object, rows: int, upto: int) -> Message:
    return Message(msgspec.json.encode(body), rows, upto)


def _column(model: str, prop: str, mapping: PropertyMapping, recorded: str | None) -> _Column:
    wanted = PROPERTIES[prop].unit
    sent = mapping.unit or wanted
    into, out = conversion(recorded, wanted), conversion(sent, wanted)
    if into is None or out is None:
        raise PlaceError(
            f"`{prop}` was recorded in {recorded or wanted}, which does not convert into {sent}",
            where=f"device_models.{model}.properties.{prop}.unit",
            mend=f"declare a unit that converts into {wanted}",
        )
    return _Column(mapping, sent, into[0] / out[0], (into[1] - out[1]) / out[0])


def _sent(column: _Column, value: float) -> float | int:
    """As firmware prints it: not more than four decimals, no decimals where there are none."""
    sent = round(value * column.factor + column.offset, 4)
    return int(sent) if sent.is_integer() else sent


def _put(body: dict[str, Any], pointer: str, value: object) -> None:
    """Set the value at a JSON Pointer (RFC 6901) into objects made on the way."""
    *way, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("/").split("/"))
    for part in way:
        body = body.setdefault(part, {})
    body[last] = value
