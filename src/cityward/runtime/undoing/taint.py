"""What a device's data touched: every indicator, range, command, service and recipient that its readings of a time went into.

Lives here: the answer as a value, and how it is read from the stores. Marks and making again are `retraction`'s.

What is exact: rows, indicators and ranges (all rows are held), commands that are still kept (each was booked with the devices it
rests on and when their readings were observed). What is not: see `Taint.notes`, which says it of each answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from cityward.errors import PlaceError
from cityward.insight.hourly import NO_AREA
from cityward.insight.marks import Mark
from cityward.place.registry import Registry
from cityward.runtime.ports import CommandRow
from cityward.runtime.undoing.mark_ports import DeviceRows, MarkBook, MarkedHistory
from cityward.time import DAY, HOUR, iso

MOST_COMMANDS = 1000
MOST_HOURS = 20_000  # of one answer, each named; two years of a device with one property
EXPECTED_DAYS = 28


class TouchedHour(msgspec.Struct, frozen=True, kw_only=True):
    """One hourly indicator with data of the device in it: `rows` of its `of` readings. `of` 0: it is retracted from it."""

    hour_us: int
    rows: int
    of: int


class TouchedProperty(msgspec.Struct, frozen=True, kw_only=True):
    """What the device said of one property: rows held, and the indicators of its area they went into. Times city us."""

    property: str
    area: str
    rows: int
    first_at: int
    last_at: int
    hours: tuple[TouchedHour, ...]
    hours_more: int = 0
    ranges: int = 0  # expected ranges by hour of day that are learned from it


class TouchedCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command that rests on its readings. `sources`: all the devices it rests on."""

    command_id: str
    service: str
    device: str
    command: str
    value: float
    sent_at: int
    state: str
    record: str
    sources: tuple[str, ...]


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """Whom its data reaches as declared. `by`: the flows, in order; `enforced`: every one of them passes this platform."""

    party: str
    at: tuple[str, ...]
    by: tuple[str, ...]
    datasets: tuple[str, ...]
    enforced: bool


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was given rows of it, with receipts: the newest ones of `count`. Must be told when they were wrong.

    since, until: of what was observed, city us.
    """

    recipient: str
    party: str
    dataset: str
    since: int
    until: int
    count: int
    receipts: tuple[str, ...]


class Taint(msgspec.Struct, frozen=True, kw_only=True):
    """See the module. Times city us; `since` to before `until`."""

    device: str
    since: int
    until: int
    rows: int
    properties: tuple[TouchedProperty, ...]
    commands: tuple[TouchedCommand, ...]
    commands_more: int
    acted: tuple[str, ...]  # services whose commands rest on it
    shown: tuple[str, ...]  # services whose settings name it: they looked, whether they acted or not
    recipients: tuple[Recipient, ...]
    marks: tuple[Mark, ...]  # in force for the device
    notes: tuple[str, ...]
    told: tuple[Told, ...] = ()  # what really left

    @property
    def indicators(self) -> int:
        """How many hourly indicators it is in."""
        return sum(len(p.hours) + p.hours_more for p in self.properties)


@dataclass(frozen=True, slots=True)
class TaintPorts:
    """What the question needs. recipients, shown: by unit. releases: what really left of its rows observed in a span."""

    book: MarkBook
    history: MarkedHistory
    recipients: Callable[[str], Sequence[Recipient]]
    shown: Callable[[str], Sequence[str]]
    releases: Callable[[str, int, int], Sequence[Told]] | None = None


def taint_of(device: str, since_us: int, until_us: int, now_us: int, ports: TaintPorts, registry: Registry) -> Taint:
    """What its readings observed in the span touched.

    Raises:
        PlaceError: no such device is declared.
        LinkError: a store did not answer.
    """
    unit = registry.unit_index.get(device)
    if unit is None:
        raise PlaceError(
            f"`{device}` is not a declared device", mend="name a unit: a member of a group is `<group>-01`"
        )
    rows = ports.history.rows_of(device, since_us, until_us)
    areas = {registry.channel_property[c]: registry.channel_area[c] or NO_AREA for c in registry.channels_of(unit)}
    learned = _ranges(ports.book, device)
    properties = _properties(rows, areas, ports.book, learned if until_us > now_us - EXPECTED_DAYS * DAY else {})
    commands, count = ports.book.commands_from(device, since_us, until_us, MOST_COMMANDS)
    released = ports.releases(device, since_us, until_us) if ports.releases is not None else ()
    return Taint(
        device=device,
        since=since_us,
        until=until_us,
        rows=len(rows),
        properties=tuple(properties),
        commands=tuple(_command(row) for row in commands),
        commands_more=count - len(commands),
        acted=tuple(sorted({row.service for row in commands})),
        shown=tuple(ports.shown(device)),
        recipients=tuple(ports.recipients(device)),
        marks=tuple(ports.book.marks(device)),
        notes=tuple(_notes(rows, areas, since_us, ports)),
        told=tuple(released),
    )


def _properties(
    rows: DeviceRows, areas: Mapping[str, str], book: MarkBook, learned: Mapping[str, int]
) -> Sequence[TouchedProperty]:
    names, row_of = np.unique(np.array(rows.property, dtype=np.str_), return_inverse=True)
    out: list[TouchedProperty] = []
    for i, name in enumerate(names.tolist()):
        at = rows.observed_at[row_of == i]
        hours, counts = np.unique(at // HOUR * HOUR, return_counts=True)
        area = areas.get(name, NO_AREA)
        made = book.hours_between([(name, area)], int(hours[0]), int(hours[-1]) + 1)
        total = {row.hour_us: row.count for row in made}
        each = zip(hours.tolist(), counts.tolist(), strict=True)
        named = tuple(TouchedHour(hour_us=h, rows=n, of=total.get(h, 0)) for h, n in list(each)[-MOST_HOURS:])
        out.append(
            TouchedProperty(
                property=name,
                area=area,
                rows=len(at),
                first_at=int(at.min()),
                last_at=int(at.max()),
                hours=named,
                hours_more=len(hours) - len(named),
                ranges=learned.get(name, 0),
            )
        )
    return out


def _ranges(book: MarkBook, device: str) -> dict[str, int]:
    out: dict[str, int] = {}
    for row in book.expected(device):
        out[row.property] = out.get(row.property, 0) + 1
    return out


def _command(row: CommandRow) -> TouchedCommand:
    return TouchedCommand(
        command_id=row.command_id,
        service=row.service,
        device=row.device,
        command=row.command,
        value=row.value,
        sent_at=row.sent_at,
        state=row.state,
        record=row.record,
        sources=tuple(span.device for span in row.sources),
    )


def _notes(rows: DeviceRows, areas: Mapping[str, str], since_us: int, ports: TaintPorts) -> Sequence[str]:
    notes: list[str] = []
    oldest = ports.book.oldest_command()
    if oldest is not None and oldest > since_us:
        notes.append(f"commands are kept from {iso(oldest)} on; of earlier ones only the evidence log knows")
    gone = sorted(set(rows.property) - set(areas))
    if gone:
        notes.append(f"no longer declared, so in no indicator that is made again: {', '.join(gone)}")
    if ports.releases is None:
        notes.append("recipients are who receives it as declared; what really left is not written down by this version")
    return notes
