"""What each gate does while its own ledger takes nothing: a real ledger, and a real refusal of the operating system."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cityward.adapters.keys.authority import signing_key
from cityward.adapters.ledgers.files import FileLedger
from cityward.adapters.ledgers.reading import folder_reader, key_of
from cityward.errors import LinkError
from cityward.evidence.heartbeats import Pulse
from cityward.evidence.records import CommandIssued, Heartbeat, Lifecycle
from cityward.evidence.verifier import Verdict, verify
from cityward.runtime.heart import Heart
from cityward.time import MINUTE
from disks import files_may_not_grow_beyond
from runtime.test_service_runner import City, Playbook, quiet


def ledger_in(folder: Path, role: str) -> FileLedger:
    return FileLedger(folder / role, f"town/{role}", signing_key(folder / "keys", role))


def checked(folder: Path) -> Verdict:
    return verify(folder_reader(folder), key_of(folder).text())


def test_an_append_that_the_system_refuses_is_not_acknowledged_and_the_log_goes_on_with_room(tmp_path: Path):
    with ledger_in(tmp_path, "worker-0") as ledger:
        ledger.append([Lifecycle(at=0, by="worker-0", event="x" * 100, detail={})])
        with files_may_not_grow_beyond(300), pytest.raises(LinkError, match="File too large"):
            ledger.append([Lifecycle(at=1, by="worker-0", event="x" * 500, detail={})])
        assert checked(tmp_path / "worker-0").size == 1, "what stands there is what was acknowledged"
        assert ledger.append([Lifecycle(at=2, by="worker-0", event="y", detail={})]) == ["worker-0:1"]
    verdict = checked(tmp_path / "worker-0")
    assert (verdict.ok, verdict.size) == (True, 2)


@pytest.mark.parametrize("limit", range(40, 400, 20))
@pytest.mark.parametrize("before", [0, 255], ids=["in a bundle", "at the beginning of a bundle"])
def test_heartbeats_stay_without_a_gap_wherever_the_disk_failed(tmp_path: Path, limit: int, before: int):
    """The bundle, the tile or the checkpoint may be what does not fit: the beat is then lost, or kept unsigned."""
    now = [0]

    def beat(heart: Heart, state: str = "alive") -> bool:
        now[0] += 10
        try:
            heart.beat(state)
        except LinkError:
            return False
        return True

    with ledger_in(tmp_path, "worker-0") as ledger:
        heart = Heart(ledger, Pulse("admit", "worker-0", 1000), lambda: now[0])
        heart.append([Lifecycle(at=0, by="worker-0", event="x", detail={})] * before)
        assert beat(heart, "begun")
        with files_may_not_grow_beyond(limit):
            outcomes = [beat(heart) for _ in range(3)]
        assert not all(outcomes) or limit > 300
        assert beat(heart)
        assert beat(heart, "stopped")
        beats = [record.beat for _, record in ledger.tail(100) if isinstance(record, Heartbeat)]
    assert beats == list(range(1, len(beats) + 1))
    verdict = checked(tmp_path / "worker-0")
    assert (verdict.ok, verdict.gates[0].state) == (True, "stopped"), verdict


def test_the_permit_gate_commands_nothing_that_it_cannot_put_on_record(tmp_path: Path):
    """Lamps keep what they have meanwhile, and return to their fail-safe level by themselves (`LampSpec.fail_safe_after_s`)."""
    city = City()
    with ledger_in(tmp_path, "service") as ledger:
        city.append, city.tail = ledger.append, ledger.tail  # type: ignore[method-assign]
        book = Playbook(city)

        async def script() -> None:
            await book.runner.start()
            before = city.levels()
            with capture_logs(), files_may_not_grow_beyond(0):  # what is logged would go into a file too
                await book.passes(2 * MINUTE, quiet(city))
            assert book.runner.progress.link_errors > 0
            assert (book.runner.progress.sent, city.rows, city.levels()) == (0, {}, before)
            await book.passes(2 * MINUTE, quiet(city))

        asyncio.run(script())
        issued = [record for _, record in ledger.tail(100) if isinstance(record, CommandIssued)]
    assert city.levels() == [40, 40]
    assert {record.command_id for record in issued} == set(city.rows)
    assert checked(tmp_path / "service").ok
