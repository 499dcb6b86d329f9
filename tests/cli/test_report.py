"""`cityward report` of a real town: what it says rests on entries of its log, and a log that was changed is not believed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from cityward.cli.report import command
from cityward.cli.verify import command as verify
from cityward.errors import EvidenceError
from mqtt import Mqtt
from towns import running_town, totals, write_town


def test_what_a_town_did_is_told_with_the_entries_it_rests_on(tmp_path: Path) -> None:
    place, state = write_town(tmp_path / "town", 1), tmp_path / "state"
    with running_town(place, state, "--plain-mqtt") as town:
        secret = town.secret("meter-01")
        deadline = time.monotonic() + 30
        while True:
            with Mqtt(town.mqtt_port, "meter-01", secret) as link:
                body = json.dumps([{"n": "lux", "t": time.time_ns() / 1e9, "v": 7}]).encode()
                if link.code == 0 and link.publish("in/meter-01", body, 1):
                    break
            assert time.monotonic() < deadline, "the meter was not let in"
        while totals(town.counts())[1] < 1:
            assert time.monotonic() < deadline, "nothing was admitted"
    told = CliRunner().invoke(command, ["--state", str(state), "--json"])
    found = json.loads(told.output)
    by_id = {verdict["control"]: verdict for verdict in found["verdicts"]}
    (flow,) = [one for one in by_id["K-04"]["subjects"] if one["result"] == "proven"]
    (ground,) = flow["grounds"]
    log, _, number = ground["record"].rpartition(":")
    assert (ground["cls"], log) == ("enforced", "worker-0")
    assert int(number) >= 0
    assert {one["principle"]["id"] for one in found["principles"]} == {f"N{n}" for n in range(1, 15)}
    assert "1 rows admitted" in CliRunner().invoke(command, ["--state", str(state), "--control", "k-04"]).output

    (entries,) = [path for path in (state / "ledger" / "worker-0" / "tile" / "entries").rglob("*") if path.is_file()]
    entries.write_bytes(entries.read_bytes().replace(b'"admitted":1', b'"admitted":9'))
    assert CliRunner().invoke(verify, [str(state / "ledger")]).exit_code == 1
    with pytest.raises(EvidenceError, match="the log `worker-0` is not what was signed"):
        CliRunner().invoke(command, ["--state", str(state), "--json"], catch_exceptions=False)
