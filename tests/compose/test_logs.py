"""A log is read by people and machines, line by line: who is quoted in it can add no line, no field, no control character."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator

import pytest
import structlog

from cityward.compose.logs import LONGEST, log_to_stderr
from hostile import BYTES, LONE_SURROGATE, TEXTS, drives

FIELD = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))')


class Screen(io.StringIO):
    """Standard error, in a pipe or on a terminal."""

    terminal = False

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture(params=["in a pipe", "on a terminal"])
def screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    made = Screen()
    made.terminal = request.param == "on a terminal"
    monkeypatch.setattr(sys, "stderr", made)
    log_to_stderr("test")
    yield made
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def foreign() -> dict[str, object]:
    return {**TEXTS, **BYTES, "lone surrogate": LONE_SURROGATE}


@pytest.mark.parametrize("name", foreign())
def test_nobody_who_is_quoted_can_forge_a_line_or_drive_a_terminal(screen: Screen, name: str) -> None:
    text = foreign()[name]
    log = structlog.get_logger()
    log.warning(str(text), topic=text, tree={"a": [text], str(text): 1})
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("a fault", client=text)
    said = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()) if screen.terminal else screen.getvalue()
    assert len(said.splitlines()) == (3 if screen.terminal else 2)  # on a terminal what went wrong stands below
    assert drives(said) == []
    said.encode()


@pytest.mark.parametrize("screen", ["in a pipe"], indirect=True)
@pytest.mark.parametrize("text", [*TEXTS.values(), 'a\\" level=error event="forged', "a\\", '"', "a=b c=d"])
def test_a_line_has_the_fields_that_were_given_and_no_others(screen: Screen, text: str) -> None:
    structlog.get_logger().info("said", topic=text)
    line = screen.getvalue().rstrip("\n")
    assert [name for name, _, _ in FIELD.findall(line)] == ["timestamp", "level", "role", "event", "topic"]
    assert re.sub(r"\s", "", FIELD.sub("", line)) == ""


@pytest.mark.parametrize("screen", ["in a pipe"], indirect=True)
def test_numbers_stay_numbers_and_a_text_without_end_is_cut(screen: Screen) -> None:
    structlog.get_logger().info("counted", rows=3, share=0.5, ok=True, nothing=None, long="x" * (3 * LONGEST))
    line = screen.getvalue()
    assert "rows=3 share=0.5 ok=true nothing=" in line or "rows=3 share=0.5 ok nothing=" in line
    assert len(line) < LONGEST + 500


def test_what_only_helps_to_write_the_program_is_not_said(screen: Screen) -> None:
    log = structlog.get_logger()
    log.debug("no answer")
    log.info("the street begins")
    said = screen.getvalue()
    assert "the street begins" in said
    assert "no answer" not in said
