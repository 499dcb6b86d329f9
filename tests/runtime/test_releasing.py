"""Releasing, with the real gate, table and database: what is followed, queued, shed, sent, and what a kill leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cityward.adapters.outlets.encoding import json_lines
from cityward.adapters.stores.state import SqlState
from cityward.errors import LinkError, Refused
from cityward.evidence.records import AnyRecord, Delivery, Release, ReleaseRefused
from cityward.guard.release import Rows
from cityward.place.release import Form
from cityward.policy.contract import Grounds, ReleaseReason
from cityward.policy.table import Draft, tabulate
from cityward.runtime.releasing.following import ReleasePorts, Releaser
from cityward.runtime.releasing.refusals import Refusal, Refusals
from cityward.runtime.releasing.rules import ReleaseRules, rules_of
from cityward.runtime.releasing.running import tell_orphans
from cityward.runtime.watching.ports import HistoryAt
from cityward.time import DAY
from releases import KEYS, laid_out, rows_of, town

NOW = 20_010 * DAY
LAYOUT = laid_out(Form())


@dataclass
class Ledger:
    """A ledger in memory. `full`: it takes nothing."""

    records: list[AnyRecord] = field(default_factory=list[AnyRecord])
    full: bool = False

    def append(self, records: Sequence[AnyRecord]) -> Sequence[str]:
        if self.full:
            raise LinkError("no room")
        self.records += records
        return [f"release:{n}" for n in range(len(self.records) - len(records), len(self.records))]

    def tail(self, most: int) -> Sequence[tuple[str, AnyRecord]]:
        return [(f"release:{n}", one) for n, one in enumerate(self.records)][-most:]

    def of(self, kind: type) -> list[Any]:
        return [one for one in self.records if isinstance(one, kind)]


@dataclass
class Held:
    """A history of commits."""

    commits: list[Rows] = field(default_factory=list[Rows])

    def newest(self) -> HistoryAt:
        return HistoryAt(version=len(self.commits))

    def newer(self, after: HistoryAt, most: int) -> tuple[HistoryAt, Rows]:
        version = max(after.version, 0)
        if version >= len(self.commits):
            return after, rows_of(LAYOUT)
        return HistoryAt(version=version + 1), self.commits[version]

    def span(self, channels: Any, since_us: int, until_us: int, most: int, *, came: bool) -> tuple[Rows, int]:
        raise AssertionError("readings follow commits")


@dataclass
class Way:
    """A way out. `fault`: what it raises instead."""

    sent: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    fault: Exception | None = None

    def send(self, body: bytes, name: str, headers: Mapping[str, str]) -> None:
        if self.fault is not None:
            raise self.fault
        self.sent.append((name, body))


@dataclass
class Scene:
    state: SqlState
    ledger: Ledger = field(default_factory=Ledger)
    held: Held = field(default_factory=Held)
    way: Way = field(default_factory=Way)
    now: float = 0.0
    recipient: dict[str, Any] = field(default_factory=dict[str, Any])
    reasons: frozenset[ReleaseReason] = frozenset()
    form: Form = field(default_factory=Form)

    def rules(self) -> ReleaseRules:
        place = town(Form())
        to = place.recipients["to-0"]

        changed = {"by": "webhook", "endpoint": "https://acme.example/in", "form": None} | self.recipient
        recipients = {"to-0": msgspec.structs.replace(to, **changed)}
        draft = Draft(self.reasons, Grounds("acme", "out", "deal", "weather", "planning"), form=self.form, addresses=1)
        table = tabulate({("to-0", "weather", "planning"): draft}, {})
        return rules_of(msgspec.structs.replace(place, recipients=recipients), "d" * 64, table, LAYOUT)

    def releaser(self) -> Releaser:
        return Releaser("to-0", self.ports(), "release")

    def ports(self) -> ReleasePorts:
        return ReleasePorts(
            book=self.state.releases,
            ledger=self.ledger,
            rules=self.rules,
            held=lambda: self.held,
            held_upto=lambda: None,
            keys=lambda _: KEYS,
            marks=lambda: (),
            ways={"to-0": self.way},
            encoders={"to-0": json_lines},
            refusals=self.refusals(),
            now_us=lambda: NOW,
            clock=lambda: self.now,
        )

    def refusals(self) -> Refusals:
        return Refusals(self.state.releases, self.ledger, lambda: NOW, "release")

    def commit(self, *values: float) -> None:
        self.held.commits.append(rows_of(LAYOUT, *[("meter-01", n, value) for n, value in enumerate(values)]))

    def counts(self) -> tuple[int, int, int, int]:
        [one] = self.state.releases.counts()
        assert one.triggered == one.sent + one.queued + one.shed
        return one.triggered, one.sent, one.queued, one.shed


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(SqlState(f"sqlite:///{tmp_path / 'state.db'}"))
    made.releaser().follow()  # from here on
    yield made
    made.state.dispose()


def test_what_is_committed_is_queued_with_its_receipt_and_sent_under_its_name(scene: Scene):
    scene.commit(1.0, 2.0)
    releaser = scene.releaser()
    releaser.follow()
    assert scene.counts() == (2, 0, 2, 0)
    [record] = scene.ledger.of(Release)
    assert (record.rows, record.units, record.to, record.agreement) == (2, 1, "https://acme.example/in", "deal")
    releaser.send()
    [(name, body)] = scene.way.sent
    assert name == "release-0"
    assert len(body.splitlines()) == 3
    assert scene.counts() == (2, 2, 0, 0)
    assert [(d.receipt, d.outcome) for d in scene.ledger.of(Delivery)] == [("release:0", "delivered")]


def test_a_ledger_that_takes_nothing_lets_nothing_leave(scene: Scene):
    scene.commit(1.0)
    scene.ledger.full = True
    releaser = scene.releaser()
    with pytest.raises(LinkError, match="no room"):
        releaser.follow()
    releaser.send()
    assert scene.way.sent == []
    scene.ledger.full = False
    releaser.follow()
    releaser.send()
    assert len(scene.way.sent) == 1


def test_a_dead_recipient_keeps_its_newest_rows_and_the_older_are_shed_and_counted(scene: Scene):
    scene.recipient = {"queue": 3}
    scene.way.fault = LinkError("nobody answers")
    releaser = scene.releaser()
    for value in (1.0, 2.0, 3.0):
        scene.commit(value, value)
        releaser.follow()
        releaser.send()
    assert scene.counts() == (6, 0, 2, 4)
    assert [(d.outcome, d.reason) for d in scene.ledger.of(Delivery)] == [("shed", "queue-full")] * 2


def test_what_could_not_be_sent_is_tried_again_later_under_the_same_name(scene: Scene):
    scene.commit(1.0)
    releaser = scene.releaser()
    releaser.follow()
    scene.way.fault = LinkError("nobody answers")
    releaser.send()
    scene.way.fault = None
    releaser.send()
    assert scene.way.sent == []  # not at once
    scene.now = 1.0
    releaser.send()
    assert [name for name, _ in scene.way.sent] == ["release-0"]


def test_revoked_while_it_waits_is_shed_with_its_reason_also_while_the_endpoint_is_dead(scene: Scene):
    scene.commit(1.0)
    releaser = scene.releaser()
    releaser.follow()
    scene.way.fault = LinkError("nobody answers")
    releaser.send()
    scene.reasons = frozenset((ReleaseReason.REVOKED,))
    releaser.send()
    assert scene.counts() == (1, 0, 0, 1)
    assert [d.reason for d in scene.ledger.of(Delivery)] == ["revoked"]


def test_what_waits_in_a_laxer_form_than_now_is_shed(scene: Scene):
    scene.commit(1.0)
    releaser = scene.releaser()
    releaser.follow()
    scene.form = Form(drop=("device",))
    releaser.send()
    assert scene.way.sent == []
    assert [d.reason for d in scene.ledger.of(Delivery)] == ["another-form"]


def test_what_was_held_while_it_might_not_leave_does_not_leave_later(scene: Scene):
    releaser = scene.releaser()
    scene.reasons = frozenset((ReleaseReason.PENDING,))
    scene.commit(1.0)
    releaser.follow()
    scene.reasons = frozenset()
    scene.commit(2.0)
    releaser.follow()
    releaser.send()
    [(_, body)] = scene.way.sent
    assert b'"value":2.0' in body and b'"value":1.0' not in body


def test_beyond_the_days_budget_nothing_is_queued_and_it_is_on_record(scene: Scene):
    scene.recipient = {"rows_per_day": 2}
    ports = scene.ports()
    releaser = Releaser("to-0", ports, "release")
    for values in ((1.0, 2.0), (3.0,)):
        scene.commit(*values)
        releaser.follow()
    ports.refusals.flush()
    assert scene.counts() == (2, 0, 2, 0)
    [refused] = scene.ledger.of(ReleaseRefused)
    assert (refused.recipient, refused.reasons, refused.count) == ("to-0", ("over-budget",), 1)


def test_an_endpoint_that_leads_elsewhere_is_left_alone_and_on_record(scene: Scene):
    ports = scene.ports()
    releaser = Releaser("to-0", ports, "release")
    scene.commit(1.0)
    releaser.follow()
    scene.way.fault = Refused("it leads on")
    releaser.send()
    scene.way.fault, scene.now = None, 60.0
    releaser.send()
    ports.refusals.flush()
    assert scene.way.sent == []
    assert scene.counts() == (1, 0, 1, 0)
    assert [r.reasons for r in scene.ledger.of(ReleaseRefused)] == [("from-elsewhere",)]


def test_what_a_stranger_asked_for_goes_on_record_without_what_drives_a_terminal(scene: Scene):
    refusals = scene.refusals()
    refusals.add(Refusal("to-0", "a\x1b[2Jb", "c\nd" + "e" * 999, "192.0.2.1", ("undeclared",), ""))
    [row] = refusals.flush()
    [record] = scene.ledger.of(ReleaseRefused)
    assert (row.dataset, record.dataset) == ("a\ufffd[2Jb",) * 2
    assert record.purpose.startswith("c de")
    assert len(record.purpose) == 256


def test_killed_between_record_and_book_the_receipt_is_said_to_have_left_nothing(scene: Scene):
    scene.commit(1.0)
    releaser = scene.releaser()
    releaser.follow()
    orphan = replace_at(scene.ledger.of(Release)[0], NOW + 1)
    scene.ledger.append([orphan])
    assert tell_orphans(scene.ports(), "release") == 1
    assert [(d.receipt, d.outcome, d.reason) for d in scene.ledger.of(Delivery)] == [
        ("release:1", "shed", "never-queued")
    ]
    assert tell_orphans(scene.ports(), "release") == 0


def test_killed_between_sending_and_the_book_it_is_sent_again_under_the_same_name(scene: Scene):
    scene.commit(1.0)
    scene.releaser().follow()
    scene.ledger.full = True  # what is sent cannot be written down: as if killed right there
    with pytest.raises(LinkError):
        scene.releaser().send()
    scene.ledger.full = False
    scene.releaser().send()
    assert [name for name, _ in scene.way.sent] == ["release-0", "release-0"]
    assert scene.counts() == (1, 1, 0, 0)


def replace_at(record: Release, at: int) -> Release:

    return msgspec.structs.replace(record, at=at)
