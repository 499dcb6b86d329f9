"""The book of erasures in both engines: what of a device and of a dataset goes, and what stays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cityward.adapters.stores.database import Database
from cityward.adapters.stores.erasures import ErasureBook
from cityward.adapters.stores.queued_releases import QueuedReleases
from cityward.adapters.stores.state import SqlState
from cityward.runtime.ports import BatchEffects, HourlyRow, Latest, Quarantined
from cityward.runtime.releasing.ports import Due, Receipt
from cityward.runtime.undoing.erasure_ports import ErasureRow, Scope
from cityward.time import DAY, HOUR

ROW = ErasureRow(
    number=0, dataset="", device="loop", why="request", since=0, until=DAY, made_at=5, person="ada", reason="asked", rows=0,
    digest="", copies={"latest": 1}, tell=("insight",), record="",
)  # fmt: skip
SCOPE = Scope(dataset="light", channels=[("loop", "lux")], flows=["f"], hourly=["lux"], marked=["loop"])


@pytest.fixture
def database(store: SqlState, url: str) -> Iterator[Database]:
    """Beside `store`, which has made the tables and filled them: two devices, each refused once a day for two days."""
    refused = [
        Quarantined(
            seq=i, row=0, device=device, flow="f", property="lux", reason="range", value=1.0, observed_at=None,
            received_at=i * DAY + 1, excerpt=b"x",
        )
        for device in ("loop", "lux")
        for i in (0, 1)
    ]  # fmt: skip
    latest = [Latest("loop", "lux", 1.0, HOUR, HOUR, 1), Latest("lux", "lux", 1.0, DAY, DAY, 2)]
    hourly = [HourlyRow("lux", "quay", hour, 1, 1.0, 1.0, 1.0) for hour in (0, DAY)]
    store.apply(BatchEffects({0: 1}, latest=latest, hourly=hourly, quarantine=refused))
    opened = Database(url)
    yield opened
    opened.dispose()


def test_an_erasure_is_numbered_found_and_ended(database: Database):
    book = ErasureBook(database)
    first = book.begin(ROW)
    second = book.begin(ROW)
    assert second.number > first.number and [one.number for one in book.unfinished()] == [first.number, second.number]
    book.found(first.number, 7, "abc")
    book.end(first.number, "erasure:0")
    book.end(second.number, "")
    assert book.unfinished() == []
    [done] = book.erasures("loop")
    assert (done.rows, done.digest, done.copies, done.tell, done.record) == (
        7,
        "abc",
        {"latest": 1},
        ("insight",),
        "erasure:0",
    )


def test_what_goes_of_a_device_is_its_own_and_of_the_span(database: Database, store: SqlState):
    book = ErasureBook(database)
    assert book.count_of_device("loop", 1, DAY) == {"quarantine": 1, "latest": 1}
    book.erase_of_device("loop", 1, DAY)
    book.erase_of_device("loop", 1, DAY)
    assert book.count_of_device("loop", 1, 9 * DAY) == {"quarantine": 1}
    assert book.count_of_device("lux", 1, 9 * DAY) == {"quarantine": 2, "latest": 1}
    book.scrub()
    assert [row.device for row in store.latest_of(["loop", "lux"])] == ["lux"]


def test_what_goes_of_a_dataset_is_older(database: Database):
    book = ErasureBook(database)
    assert book.oldest_of(SCOPE) == {"quarantine": 1, "hourly": 0, "latest": HOUR}
    assert book.count_before(SCOPE, DAY) == {"quarantine": 2, "hourly": 1, "latest": 1}
    book.erase_before(SCOPE, DAY)
    assert book.count_before(SCOPE, DAY) == {}
    assert book.oldest_of(SCOPE) == {"quarantine": DAY + 1, "hourly": DAY}
    book.ran("light", DAY)
    book.ran("light", 2 * DAY)
    assert book.runs() == {"light": 2 * DAY}


def receipt(record: str, since: int, *devices: str) -> Receipt:
    return Receipt(
        record=record, recipient="hook", party="insight", flow="f", agreement="a", dataset="light", purpose="p", way="webhook",
        at=DAY, since=since, until=since + HOUR, rows=4, units=len(devices), devices=devices, digest="", form={}, rules="",
        state="queued",
    )  # fmt: skip


def test_releases_that_wait_with_erased_rows_are_shed_and_counted(database: Database, store: SqlState):
    queue = QueuedReleases(database)
    due = [
        (receipt("r:0", 0, "loop", "lux"), b"4242"),
        (receipt("r:1", 0, "lux"), b"7"),
        (receipt("r:2", DAY, "loop"), b"8"),
    ]
    store.releases.take("hook", Due(lane="l", at=None, receipts=tuple(due)))
    assert queue.count_of_device("loop", 0, HOUR) == 1
    queue.erase_of_device("loop", 0, HOUR)
    assert queue.count_of_device("loop", 0, HOUR) == 0
    assert [one.record for one, _ in store.releases.waiting("hook", 9)] == ["r:1", "r:2"]
    assert queue.erase_before("light", DAY) == 1
    [count] = store.releases.counts()
    assert (count.triggered, count.queued, count.shed) == (12, 4, 8)
    shed = store.releases.receipts(recipient="hook", device="loop", until_us=HOUR)
    assert [(one.state, one.reason) for one in shed] == [("shed", "erased")]
