"""`cityward device` on a city that does not run: a device's life on record, its secret shown once and never shared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cityward.adapters.ledgers.reading import tail_of
from cityward.adapters.stores.state import SqlState
from cityward.cli import main
from cityward.cli.device import command
from cityward.compose.entering import devices
from cityward.compose.entering.devices import ROLE
from cityward.compose.home import Home, write_city_file
from cityward.compose.setting import Setting
from cityward.errors import PlaceError
from cityward.evidence.records import DeviceLife
from cityward.runtime.ports import ConnectionRow
from towns import stopped_city, write_town

NOON = 1_760_000_000_000_000


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "state")
    home.prepare()
    city = stopped_city(write_town(tmp_path / "town", 3), bus_url="nats://127.0.0.1:1")
    write_city_file(home, city)
    return home


def told(home: Home, *words: str) -> Result:
    return CliRunner().invoke(command, [*words, "--state", str(home.root)], catch_exceptions=False)


def secret(home: Home, verb: str, device: str = "meter-01") -> str:
    return json.loads(told(home, verb, device, "--json").stdout)["secret"]


def lives(home: Home) -> list[tuple[str, str, str]]:
    entries = [r for _, r in tail_of(home.ledger(ROLE), 100) if isinstance(r, DeviceLife)]
    return [(r.device, r.to, r.person) for r in entries]


def row_of(home: Home, device: str) -> dict[str, str | None]:
    return next(row for row in json.loads(told(home, "list", "--json").stdout) if row["device"] == device)


def test_every_step_of_a_life_is_on_record_with_who_took_it(home: Home) -> None:
    for verb in ("add", "rotate", "stolen", "rotate", "found", "lost", "retire", "add", "revoke"):
        assert told(home, verb, "meter-01", "--by", "A. Clerk").exit_code == 0
    steps = ["added", "rotated", "stolen", "rotated", "found", "lost", "retired", "added", "revoked"]
    assert lives(home) == [("meter-01", step, "A. Clerk") for step in steps]


def test_each_secret_is_new_and_kept_nowhere(home: Home) -> None:
    shown = [secret(home, "add", f"meter-0{n}") for n in (1, 2, 3)] + [secret(home, "rotate") for _ in range(5)]
    assert len(set(shown)) == 8
    assert all(len(one) == 32 for one in shown)
    held = b"".join(path.read_bytes() for path in home.root.rglob("*") if path.is_file())
    assert not any(one.encode() in held for one in shown)


def test_a_declaration_has_no_word_for_a_secret(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "town" / "place.yaml"
    for word in ("password", "secret", "key", "default_credential"):
        changed = place.read_text().replace(
            "    credential: password\n", f"    credential: password\n    {word}: letmein\n"
        )
        (tmp_path / "other.yaml").write_text(changed)
        with pytest.raises(SystemExit) as ended:
            main(["check", str(tmp_path / "other.yaml")])
        said = capsys.readouterr()
        assert ended.value.code == 1
        assert word in said.out + said.err


def test_a_stolen_device_is_not_simply_added_again(home: Home) -> None:
    secret(home, "add")
    told(home, "stolen", "meter-01")
    with pytest.raises(PlaceError, match="does not bring it back"):
        told(home, "add", "meter-01")
    with pytest.raises(PlaceError, match="may have read its secret"):
        told(home, "found", "meter-01")
    assert row_of(home, "meter-01")["credential"] == "stolen"
    secret(home, "rotate")
    assert told(home, "found", "meter-01").exit_code == 0
    assert row_of(home, "meter-01")["credential"] == "active"


@pytest.mark.parametrize("verb", ["rotate", "found"])
def test_what_never_was_given_is_not_replaced_or_given_back(home: Home, verb: str) -> None:
    with pytest.raises(PlaceError):
        told(home, verb, "meter-01")
    assert not home.ledger(ROLE).exists()


@pytest.mark.parametrize("verb", ["revoke", "lost", "stolen", "retire"])
def test_what_is_so_already_is_said_and_not_recorded_twice(home: Home, verb: str) -> None:
    assert told(home, verb, "meter-01").exit_code == 1
    secret(home, "add")
    assert [told(home, verb, "meter-01").exit_code for _ in range(2)] == [0, 1]
    assert len(lives(home)) == 2


@pytest.mark.parametrize("verb", ["add", "rotate", "revoke", "lost", "stolen", "retire", "found"])
def test_a_device_that_is_not_declared_has_no_life(home: Home, verb: str) -> None:
    with pytest.raises(PlaceError, match="is not declared"):
        told(home, verb, "meter-99")


def test_the_list_says_where_a_device_is_and_was_connected_from(home: Home) -> None:
    state = SqlState(home.state_url)
    state.put_connections([ConnectionRow("meter-01", "192.0.2.7", "meter-01", NOON, None)])
    state.put_connections([ConnectionRow("meter-02", "2001:db8::7", "meter-02:a", NOON, NOON + 1_000_000)])
    state.dispose()
    lines = told(home, "list").stdout.splitlines()
    assert lines[0].endswith("connected from 192.0.2.7 since 2025-10-09T08:53:20Z")
    assert lines[1].endswith("last connected from 2001:db8::7, until 2025-10-09T08:53:21Z")
    assert lines[2].rstrip().endswith("never heard")


@pytest.mark.parametrize("verb", ["revoke", "retire"])
def test_a_rotation_beside_a_revocation_brings_nobody_back(
    home: Home, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret(home, "add")
    recorded = devices._record  # pyright: ignore[reportPrivateUsage]

    def meanwhile(setting: Setting, asked: devices.Asked, to: devices.Life, detail: dict[str, str]) -> str:
        if to is devices.Life.ROTATED:  # it was looked at; the new secret is not issued yet
            assert told(home, verb, "meter-01").exit_code == 0
        return recorded(setting, asked, to, detail)

    monkeypatch.setattr(devices, "_record", meanwhile)
    with pytest.raises(PlaceError, match="meanwhile"):
        told(home, "rotate", "meter-01")
    assert row_of(home, "meter-01")["credential"] == {"revoke": "revoked", "retire": "retired"}[verb]
