"""What is on record of one datum: the entry that admitted it, receipts of what left, commands that rest on it.

The way itself is worked out in `reach.following`. Opened by setting; the city need not run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cityward.adapters.ledgers.reading import ledgers_under, tail_of
from cityward.compose.home import Home
from cityward.compose.setting import Setting, open_setting
from cityward.errors import PlaceError
from cityward.evidence.records import Admission
from cityward.place.hints import did_you_mean, listed
from cityward.place.registry import Unit
from cityward.reach.chains import flow_graph
from cityward.reach.following.shapes import Facts, Followed, OnRecord
from cityward.reach.following.way import follow
from cityward.time import iso

MOST_ENTRIES = 10_000  # of each worker's log, looked through for an admission
MOST_RECEIPTS = 100
MOST_COMMANDS = 50
MILLISECOND = 1000  # us: addresses hold milliseconds
_NOT_HELD = "Nothing of it is held at this moment: no entry can be about it."
_FURTHER = "It is held; the entry that admitted it lies further back than is looked through here."


def followed(state: Path, device: str, prop: str, at_ms: int | None) -> Followed:
    """The way of a datum. `at_ms`: when it was observed; None: the newest.

    Raises:
        CitywardError: no city ran there, the device or its property is not declared, or a store did not answer.
    """
    setting = open_setting(Home(state))
    try:
        unit = _unit(setting, device, prop)
        facts = facts_of(setting, device, prop, at_ms)
        place, loaded = setting.loaded.place, setting.loaded
        return follow(place, flow_graph(place), unit, prop, facts, where=loaded.where, digest=loaded.digest)
    finally:
        setting.state.dispose()


def _unit(setting: Setting, device: str, prop: str) -> Unit:
    registry = setting.registry
    number = registry.unit_index.get(device)
    if number is None:
        raise PlaceError(
            f"`{device}` is not a declared device{did_you_mean(device, registry.unit_index)}",
            mend="name a unit: a member of a group is `<group>-01`",
        )
    unit = registry.units[number]
    has = [registry.channel_property[c] for c in unit.channels]
    if prop not in has:
        raise PlaceError(f"`{device}` does not observe `{prop}`", mend=f"it observes {listed(has)}")
    return unit


def facts_of(setting: Setting, device: str, prop: str, at_ms: int | None) -> Facts:
    """What is on record of one datum. Times in city ms; None: the newest that was admitted.

    Raises:
        LinkError: a store does not answer.
    """
    registry = setting.registry
    unit = registry.units[registry.unit_index[device]]
    flow = registry.flows[unit.flow] if unit.flow >= 0 else ""
    at_us = _newest(setting, device, prop) if at_ms is None else at_ms * 1000
    if at_us is None:
        return Facts(entry_flow=flow, unfound=_NOT_HELD)
    rows = setting.history().rows_of(device, at_us, at_us + MILLISECOND)
    mine = [i for i, name in enumerate(rows.property) if name == prop]
    if not mine:
        return Facts(observed_at_us=at_us, entry_flow=flow, unfound=_NOT_HELD)
    row = mine[0]
    observed, seq = int(rows.observed_at[row]), int(rows.seq[row])
    admitted = _admitted(setting, flow, seq)
    records = [*admitted, *_receipts(setting, device, prop, observed), *_commands(setting, device, observed)]
    return Facts(
        observed_at_us=observed,
        received_at_us=int(rows.received_at[row]),
        value=float(rows.value[row]),
        entry_flow=flow,
        unfound="" if admitted else _FURTHER,
        records=tuple(records),
    )


def _newest(setting: Setting, device: str, prop: str) -> int | None:
    return next((r.observed_at for r in setting.state.latest_of([device]) if r.property == prop), None)


def _admitted(setting: Setting, flow: str, seq: int) -> Sequence[OnRecord]:
    """By the newest entry that stands for its sequence: a batch that was judged again after a crash has two."""
    folders = [f for f in ledgers_under(setting.home.root) if f.name.startswith("worker-")]
    found = [
        OnRecord(
            entry=entry,
            at_us=record.at,
            flow=flow,
            words=f"admitted with {record.admitted} rows of sequences {record.first_seq} to {record.last_seq}",
        )
        for folder in folders
        for entry, record in tail_of(folder, MOST_ENTRIES)
        if isinstance(record, Admission)
        and record.first_seq <= seq <= record.last_seq
        and (flow in record.by_flow or record.parts)
    ]
    return found[-1:]


def _receipts(setting: Setting, device: str, prop: str, at_us: int) -> Sequence[OnRecord]:
    """Of what left: each stands for rows of the device that were observed in a span around this moment."""
    place, book = setting.loaded.place, setting.state.releases
    datasets = {name for name, one in place.datasets.items() if prop in one.properties}
    receipts = book.receipts(device=device, since_us=at_us, until_us=at_us + 1, most=MOST_RECEIPTS)
    return [
        OnRecord(
            entry=one.record,
            at_us=one.at,
            flow=one.flow,
            done=one.state == "delivered",
            words=f"{_LEFT.get(one.state, one.state)} to {one.recipient}: {one.dataset} of this device, observed "
            f"{iso(one.since)} to {iso(one.until)}{_reason(one.reason)}",
        )
        for one in receipts
        if one.dataset in datasets
    ]


_LEFT = {"delivered": "given", "queued": "waits to be given", "shed": "was not given"}


def _reason(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _commands(setting: Setting, device: str, at_us: int) -> Sequence[OnRecord]:
    rows, _ = setting.state.commands_from(device, at_us, at_us + 1, MOST_COMMANDS)
    return [
        OnRecord(
            entry=row.record,
            at_us=row.sent_at,
            to=row.device,
            words=f"{row.device}: {row.command} {row.value:g} by {row.service}, {row.state}; it rests on readings of then",
        )
        for row in rows
    ]
