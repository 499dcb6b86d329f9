"""Whoever asks for what it may not have gets nothing, and that is on record, counted, and seen by the owner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from cityward.compose.home import Home, write_city_file
from cityward.compose.recipients import Asked, add_recipient, approve_agreement, pending_agreements, revoke_recipient
from cityward.compose.release_desk import ReleaseDesk
from cityward.compose.releasing import approve_at_first, lands_of
from cityward.compose.setting import Setting, open_setting
from cityward.evidence.records import ReleaseRefused
from cityward.runtime.release_ports import Question
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
    monkeypatch.setattr("cityward.compose.releasing.LOOK_S", 0.0)
    monkeypatch.setattr("cityward.compose.release_desk.LOOK_S", 0.0)
    assert scene.ask() == ("revoked",)
    assert scene.desk.recipient_of(scene.keys["desk"], None) == ""


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
