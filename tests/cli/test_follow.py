"""`cityward follow` in a city that does not run: a real history, a real command, the town of two meters of `test_taint`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.test_taint import BEGIN, MINUTE, said, state  # noqa: F401  (the fixture)

AT = (BEGIN + 10 * MINUTE) // 1000


def test_a_datum_s_hop_is_told_with_what_is_held_and_what_is_not_found(
    state: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = json.loads(
        said(capsys, ["follow", "meter-02", "illuminance", "--at", str(AT), "--state", str(state), "--json"])
    )
    assert (told["value"], told["observed_at_ms"], told["received_at_ms"]) == (900.0, AT, AT + 1000)
    (hop,) = told["hops"]
    # the town's worker log was never written: it is held, and no entry says by which batch
    assert (hop["flow"], hop["known"]) == ("meter-light", "declared")
    assert hop["why"].startswith("It is held; the entry")
    assert [one["stop"]["id"] for one in told["last"]] == ["cityward"]


def test_a_moment_without_a_value_says_so(
    state: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = said(capsys, ["follow", "meter-02", "illuminance", "--at", "1", "--state", str(state)])
    assert "Nothing of it is held at this moment" in text
    assert "Last recipients" in text


def test_what_a_device_does_not_observe_is_said_with_a_mend(
    state: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    said(capsys, ["follow", "meter-02", "pm10", "--state", str(state)], 1)
    said(capsys, ["follow", "meter-99", "illuminance", "--state", str(state)], 1)
