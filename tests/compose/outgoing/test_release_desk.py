"""Whoever asks for what it may not have gets nothing, and that is on record, counted, and seen by the owner."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from cityward.compose.home import Home, write_city_file
from cityward.compose.outgoing.agreements import approve_agreement, pending_agreements
from cityward.compose.outgoing.recipients import Asked, add_recipient, revoke_recipient
from cityward.compose.outgoing.release_desk import ReleaseDesk
from cityward.compose.outgoing.releasing import approve_at_first, lands_of
from cityward.compose.setting import Setting, open_setting
from cityward.evidence.records import ReleaseRefused
from cityward.guard.release import Rows
from cityward.runtime.releasing.following import headers_of
from cityward.runtime.releasing.ports import Question, span_told
from cityward.watch.events import Event
from releasing import recipient, write_releasing
from towns import stopped_city

HERE, ELSEWHERE = "127.0.0.1", "192.0.2.9"


@dataclass
class Scene:
    setting: Setting
    desk: ReleaseDesk
    keys: dict[str, str]
    told: list[Event] = field(default_factory=list[Event])

    def tell(self, event: Event) -> None:
        self.told.append(event)

    def ask(self, who: str = "desk", purpose: str = "planning", source: str = HERE) -> tuple[str, ...]:
        """The reasons against it; none: it was answered."""
        return self.desk.ask(Question(who, source, "light", purpose, None, None)).reasons


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    place = write_releasing(
        tmp_path / "place",
        [
            recipient("desk", "query", flows="[asked, old]"),
            recipient("other", "query", flows="[old]"),
            recipient("ear", "live", flows="[heard]"),
        ],
    )
    home = Home(tmp_path / "state")
    home.prepare()
    city = msgspec.structs.replace(stopped_city(place), clock=(0, 0, 1.0))
    write_city_file(home, city)
    setting = open_setting(home)
    with setting.ledger("web") as ledger:
        approve_at_first(setting, ledger, lands_of(setting.loaded.place))
        names = ("desk", "other", "ear")
        keys = {name: add_recipient(Asked(home.root, name, "ann"))["key"] for name in names}
        scene = Scene(setting, ReleaseDesk(setting, ledger, None), keys)
        scene.desk = ReleaseDesk(setting, ledger, scene)
        yield scene
    setting.state.dispose()


def test_a_key_is_of_one_recipient_that_asks(scene: Scene):
    assert scene.desk.recipient_of(scene.keys["desk"], None) == "desk"
    assert scene.desk.recipient_of(scene.keys["ear"], None) == ""  # it listens, and may not ask
    assert scene.desk.recipient_of("cwr_made-up-by-somebody-else-entirely", None) == ""


@pytest.mark.parametrize(
    ("asked", "reasons"),
    [
        pytest.param({}, (), id="as agreed"),
        pytest.param({"purpose": "marketing"}, ("undeclared",), id="wrong purpose"),
        pytest.param({"purpose": "history"}, ("out-of-term",), id="expired agreement"),
        pytest.param({"source": ELSEWHERE}, ("from-elsewhere",), id="from an undeclared address"),
        pytest.param({"who": "other"}, ("undeclared",), id="what another may have"),
    ],
)
def test_only_what_is_agreed_is_answered_and_the_rest_is_on_record(
    scene: Scene, asked: dict[str, str], reasons: tuple[str, ...]
):
    assert scene.ask(**asked) == reasons
    rows = scene.desk.refusals.flush()
    assert [row.reasons for row in rows] == ([reasons] if reasons else [])
    seen = scene.setting.state.releases.refusals(None, 10)
    assert [(row.reasons, row.count) for row in seen] == ([(reasons, 1)] if reasons else [])
    assert [event.detail["why"] for event in scene.told] == ([" ".join(reasons)] if reasons else [])
    assert [one.record for one in scene.told] == [row.record for row in rows]


def test_alike_refusals_are_one_entry_with_a_count(scene: Scene):
    for _ in range(3):
        scene.ask(purpose="marketing")
    [row] = scene.desk.refusals.flush()
    assert (row.count, row.source) == (3, HERE)
    [count] = scene.setting.state.releases.counts()
    assert count.refused == 3


def test_a_revoked_recipient_gets_nothing_and_its_key_is_nobodys(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    assert scene.ask() == ()
    assert revoke_recipient(Asked(scene.setting.home.root, "desk", "ann"))
    monkeypatch.setattr("cityward.compose.outgoing.releasing.LOOK_S", 0.0)
    monkeypatch.setattr("cityward.compose.outgoing.release_desk.LOOK_S", 0.0)
    assert scene.ask() == ("revoked",)
    assert scene.desk.recipient_of(scene.keys["desk"], None) == ""


def test_a_revoked_key_is_still_known_by_its_name_and_a_made_up_one_by_none(scene: Scene):
    revoke_recipient(Asked(scene.setting.home.root, "desk", "ann"))
    scene.desk.turned_away(ELSEWHERE, scene.keys["desk"])
    scene.desk.turned_away(ELSEWHERE, "cwr_made-up-by-somebody-else-entirely")
    scene.desk.turned_away(
        ELSEWHERE, scene.keys["other"]
    )  # it is active: whatever it was turned away for, it is not that
    rows = scene.desk.refusals.flush()
    assert [(row.recipient, row.reasons, row.count) for row in rows] == [
        ("desk", ("revoked",), 1), ("", ("unknown-key",), 2),
    ]  # fmt: skip


def test_a_person_who_was_turned_away_is_kept_and_told_by_their_own_door_only(scene: Scene):
    scene.desk.person_turned_away("eve", ELSEWHERE, "elsewhere")
    [row] = scene.desk.refusals.flush()
    assert (row.recipient, row.source, row.reasons) == ("person:eve", ELSEWHERE, ("elsewhere",))
    assert scene.told == []


def test_an_agreement_that_changed_is_pending_until_it_is_approved_again(scene: Scene):
    file = Path(scene.setting.city.place) / "place.yaml"
    text = file.read_text()
    file.write_text(text.replace("purposes: [planning], sites", "purposes: [planning, history], sites"))
    again = open_setting(scene.setting.home)
    try:
        [waits] = pending_agreements(again)
        assert (waits.agreement, waits.first) == ("acme-2026", False)
        assert any("history" in line for line in waits.changed)
        assert "desk" in waits.recipients
        approve_agreement(again, "acme-2026", "ann")
        assert pending_agreements(again) == []
    finally:
        again.state.dispose()


def test_the_ledger_holds_each_refusal_with_the_table_that_decided(scene: Scene):
    scene.ask(purpose="marketing")
    scene.desk.refusals.flush()
    from cityward.adapters.ledgers.reading import tail_of

    [refused] = [r for _, r in tail_of(scene.setting.home.ledger("web"), 100) if isinstance(r, ReleaseRefused)]
    assert (refused.recipient, refused.dataset, refused.purpose, refused.source) == ("desk", "light", "marketing", HERE)
    assert len(refused.rules) == 64


@dataclass
class Held:
    """What is held, as `HeldRows` reads it: one reading at each of these moments."""

    moments: list[int]

    def span(
        self, channels: NDArray[np.bool_], since_us: int, until_us: int, most: int, *, came: bool
    ) -> tuple[Rows, int]:
        at = np.array([t for t in self.moments if since_us <= t < until_us], dtype=np.int64)
        reached = until_us if len(at) <= most else int(at[most])
        at, channel = at[at < reached], int(np.flatnonzero(channels)[0])
        return Rows(np.full(len(at), channel, np.int32), np.ones(len(at)), at, at), reached


HOUR_US = 3_600_000_000


@pytest.fixture
def coarse(tmp_path: Path) -> Iterator[Scene]:
    """The desk is told times to the hour only."""
    place = write_releasing(tmp_path / "place", [recipient("desk", "query", flows="[asked]", form="hours")])
    file = place / "place.yaml"
    file.write_text(file.read_text().replace("\nforms:\n", "\nforms:\n  hours: {coarsen_time_s: 3600}\n"))
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, msgspec.structs.replace(stopped_city(place), clock=(0, 100 * HOUR_US + 7, 0.0)))
    setting = open_setting(home)
    with setting.ledger("web") as ledger:
        approve_at_first(setting, ledger, lands_of(setting.loaded.place))
        keys = {"desk": add_recipient(Asked(home.root, "desk", "ann"))["key"]}
        yield Scene(setting, ReleaseDesk(setting, ledger, None), keys)
    setting.state.dispose()


def test_no_question_is_cut_so_that_it_tells_a_moment_which_the_form_hides(coarse: Scene):
    moment = 90 * HOUR_US + 1_234_567
    coarse.desk._held = Held([moment, moment + 5])  # type: ignore[assignment]

    def rows(since: int, until: int) -> int:
        return coarse.desk.ask(Question("desk", HERE, "light", "planning", since, until)).rows

    # the same of every span within the hour: also where it holds no reading
    spans = [(90 * HOUR_US, 91 * HOUR_US), (moment, moment + 1), (moment + 6, moment + 7), (moment + 6, 91 * HOUR_US)]
    assert [rows(*span) for span in spans] == [2, 2, 2, 2]
    assert rows(91 * HOUR_US, 100 * HOUR_US + 7) == 0
    [receipt, *_] = coarse.desk.receipts_of("desk", 10, "")
    assert (receipt.since, receipt.until) == (moment, moment + 6), "the owner knows"
    assert span_told(receipt) == (0, 0)
    assert not {"cityward-since", "cityward-until"} & headers_of(receipt).keys()


def test_what_is_not_over_yet_is_not_told_by_the_hour(coarse: Scene):
    coarse.desk._held = Held([100 * HOUR_US + 1])  # type: ignore[assignment]
    assert coarse.desk.ask(Question("desk", HERE, "light", "planning", None, None)).rows == 0


def test_pages_end_with_the_hour(coarse: Scene, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cityward.compose.outgoing.release_desk.PAGE", 3)
    hours = [(90, 2), (91, 2), (92, 5)]
    coarse.desk._held = Held([h * HOUR_US + n + 1 for h, count in hours for n in range(count)])  # type: ignore[assignment]
    seen, since = list[tuple[int, int | None]](), 90 * HOUR_US
    while True:
        told = coarse.desk.ask(Question("desk", HERE, "light", "planning", since, 93 * HOUR_US))
        seen.append((told.rows, None if told.next is None else told.next // HOUR_US))
        if told.next is None:
            break
        assert told.next % HOUR_US == 0
        since = told.next
    assert seen == [(2, 91), (2, 92), (5, None)]


class Slow(Held):
    """Answers when it is let."""

    def span(
        self, channels: NDArray[np.bool_], since_us: int, until_us: int, most: int, *, came: bool
    ) -> tuple[Rows, int]:
        self.entered.release()
        assert self.go.wait(20)
        return super().span(channels, since_us, until_us, most, came=came)

    entered = threading.Semaphore(0)
    go = threading.Event()


def test_many_questions_at_once_neither_hold_the_door_nor_overrun_the_budget(coarse: Scene):
    held = Slow([90 * HOUR_US + n for n in range(4)])
    coarse.desk._held = held  # type: ignore[assignment]
    place = coarse.desk._rules().place
    place.recipients["desk"] = msgspec.structs.replace(place.recipients["desk"], rows_per_day=9)
    asked = Question("desk", HERE, "light", "planning", 90 * HOUR_US, 91 * HOUR_US)
    with ThreadPoolExecutor(20) as threads:
        answers = [threads.submit(coarse.desk.ask, asked) for _ in range(20)]
        assert held.entered.acquire(timeout=20)
        first = next(as_completed(answers, timeout=20)).result()  # while one is still being answered
        held.go.set()
        told = [one.result() for one in answers]
    assert first.reasons == ("too-many-questions",)
    assert sum(one.rows for one in told) == 4 * sum(not one.reasons for one in told) <= 9
    assert {one.reasons for one in told if one.reasons} <= {("too-many-questions",), ("over-budget",)}
    refused = coarse.desk.refusals.flush()
    assert sum(row.count for row in refused) == sum(bool(one.reasons) for one in told)
