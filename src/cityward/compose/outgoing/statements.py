"""Who was given what: recipients with their counts, and the statement of one recipient or one dataset."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import UTC, date, datetime

import msgspec

from cityward.compose.outgoing.releasing import RulesKeeper
from cityward.compose.setting import Setting
from cityward.errors import PlaceError
from cityward.reach.effective import Lands, lands_of
from cityward.runtime.releasing.ports import GivenRow, Receipt, RecipientCount, RefusedRow
from cityward.time import DAY, iso, to_us

MOST = 1000  # refused requests that a statement holds
NEWEST = 5  # receipts that a statement names


class RecipientView(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient as its owner sees it. Counts in rows; refused: requests. lanes: what it may have now."""

    recipient: str
    party: str
    law: tuple[str, ...]
    possibly: tuple[str, ...]
    by: str
    to: str
    proves_by: str
    state: str
    flows: tuple[str, ...]
    triggered: int
    sent: int
    queued: int
    shed: int
    withheld: int
    refused: int
    last_sent_at: str
    lanes: tuple[dict[str, str], ...]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody was given of a dataset for a purpose: the answer to "who received my data, what, when, why, in what form"."""

    recipient: str
    party: str
    dataset: str
    purpose: str
    flow: str
    agreement: str
    form: dict[str, str]
    rows: int
    receipts: int
    first_day: str
    last_day: str
    law: tuple[str, ...]  # jurisdictions with power over the party now, for certain
    possibly: tuple[str, ...]
    newest_receipts: tuple[str, ...]  # the rest by `cityward recipient receipts`, `/api/received/receipts`


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A month of one recipient, or of everybody who was given a dataset."""

    about: str
    since: str
    until: str
    rows: int
    lines: tuple[Line, ...]
    refused: tuple[dict[str, str], ...]


def recipient_views(setting: Setting) -> Sequence[RecipientView]:
    """Every declared recipient, with its counts and what it may have now."""
    keeper = RulesKeeper(setting)
    rules, lands = keeper(), keeper.lands()
    rows = setting.state.recipients.recipients()
    counts = {count.recipient: count for count in setting.state.releases.counts()}
    now, found = setting.now_us(), list[RecipientView]()
    for name, one in setting.loaded.place.recipients.items():
        count = counts.get(name) or RecipientCount(name, 0, 0, 0, 0, 0, 0, 0)
        lanes = [(lane, rules.decide(lane, now)) for lane in rules.lanes.get(name, ())]
        certain, possible = lands.get(one.party, (frozenset[str](), frozenset[str]()))
        row = rows.get(name)
        found.append(
            RecipientView(
                recipient=name,
                party=one.party,
                law=tuple(sorted(certain)),
                possibly=tuple(sorted(possible)),
                by=one.by,
                to=one.endpoint or ", ".join(one.addresses),
                proves_by=one.sign_in if row is None else row.kind,
                state="not added" if row is None else row.state,
                flows=one.flows,
                triggered=count.triggered,
                sent=count.sent,
                queued=count.queued,
                shed=count.shed,
                withheld=count.withheld,
                refused=count.refused,
                last_sent_at=iso(count.last_sent_at) if count.last_sent_at else "",
                lanes=tuple(
                    {
                        "dataset": lane.dataset,
                        "purpose": lane.purpose,
                        "answer": "yes" if d.allowed else " ".join(d.reasons),
                    }
                    for lane, d in lanes
                ),
            )
        )
    return found


def month_of(text: str) -> tuple[int, int]:
    """The first and last city day (days since 1970) of `2026-11`.

    Raises:
        PlaceError: it is no month.
    """
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise PlaceError(f"`{text[:32]}` is no month", mend="write it as 2026-11") from None
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return _day(first), _day(last)


def statement(
    setting: Setting, days: tuple[int, int], *, recipient: str | None = None, dataset: str | None = None
) -> Statement:
    """What somebody was given, or who was given a dataset, between two city days, with the law it is under now."""
    book, lands = setting.state.releases, lands_of(setting.loaded.place)
    groups: dict[tuple[str, ...], list[GivenRow]] = {}
    for row in book.given(recipient, *days, dataset):
        key = (row.recipient, row.party, row.dataset, row.purpose, row.flow, row.agreement, row.form)
        groups.setdefault(key, []).append(row)
    lines = [_line(setting, rows, lands, days) for _, rows in sorted(groups.items())]
    refused = [one for one in book.refusals(recipient, MOST) if days[0] <= one.at // DAY <= days[1]]
    refused = [one for one in refused if dataset is None or one.dataset == dataset]
    return Statement(
        about=recipient or dataset or "everybody",
        since=_iso_day(days[0]),
        until=_iso_day(days[1]),
        rows=sum(line.rows for line in lines),
        lines=tuple(lines),
        refused=tuple(refusal_told(one) for one in refused),
    )


def _line(setting: Setting, rows: Sequence[GivenRow], lands: Lands, days: tuple[int, int]) -> Line:
    one = rows[0]
    certain, possible = lands.get(one.party, (frozenset[str](), frozenset[str]()))
    newest = setting.state.releases.receipts(
        recipient=one.recipient, dataset=one.dataset, purpose=one.purpose, days=days, most=NEWEST
    )
    return Line(
        recipient=one.recipient,
        party=one.party,
        dataset=one.dataset,
        purpose=one.purpose,
        flow=one.flow,
        agreement=one.agreement,
        form=msgspec.json.decode(one.form, type=dict[str, str]),
        rows=sum(row.rows for row in rows),
        receipts=sum(row.receipts for row in rows),
        first_day=_iso_day(min(row.day for row in rows)),
        last_day=_iso_day(max(row.day for row in rows)),
        law=tuple(sorted(certain)),
        possibly=tuple(sorted(possible)),
        newest_receipts=tuple(receipt.record for receipt in newest),
    )


def receipt_told(one: Receipt) -> dict[str, object]:
    """A receipt for people and the API."""
    return {
        "receipt": one.record, "recipient": one.recipient, "party": one.party, "dataset": one.dataset, "purpose": one.purpose,
        "flow": one.flow, "agreement": one.agreement, "way": one.way, "at": iso(one.at),
        "since": iso(one.since) if one.since else "", "until": iso(one.until) if one.until else "", "rows": one.rows,
        "devices": one.units, "digest": one.digest, "form": dict(one.form), "rules": one.rules, "state": one.state,
        "tries": one.tries, "reason": one.reason,
    }  # fmt: skip


def refusal_told(one: RefusedRow) -> dict[str, str]:
    """A refusal for people and the API."""
    return {
        "at": iso(one.at), "recipient": one.recipient, "dataset": one.dataset, "purpose": one.purpose, "source": one.source,
        "reasons": " ".join(one.reasons), "count": str(one.count), "record": one.record,
    }  # fmt: skip


def _day(day: date) -> int:
    return to_us(datetime(day.year, day.month, day.day, tzinfo=UTC)) // DAY


def _iso_day(day: int) -> str:
    return iso(day * DAY)[:10]
