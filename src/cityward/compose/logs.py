"""Logs are for operators: to standard error, one line each, with the process's name. Standard output is for answers.

SECURITY: what is logged quotes strangers (a topic, a user name, an error of a library about either). Every text is made harmless
as it is written, so that nobody can forge a line or a field, or drive the terminal that shows it.

INVARIANT: one call, one line (on a terminal, a traceback stands in one below); no control characters but a terminal's colours.
"""

from __future__ import annotations

import sys
from logging import ERROR, INFO
from typing import Any

import structlog

from cityward.text import harmless, harmless_tree

LONGEST = 16_384
"""Characters of one text. PRECEDENT: a traceback of 50 frames has some 6,000."""


def log_to_stderr(role: str) -> None:
    """Set up logging for one process: what an operator can act on. What helps to write the program stays unsaid."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            harmless_line,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if sys.stderr.isatty() else _lines(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(role=role)


def log_errors_to_stderr(role: str) -> None:
    """The same, but for errors only: for a command whose answer is what counts."""
    log_to_stderr(role)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(ERROR))


def harmless_line(_: Any, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Every text of a line, made harmless and bounded. A traceback's line breaks are written as `\\n`: they are ours."""
    return {harmless(str(name)): _harmless(value) for name, value in event.items()}


def _harmless(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else str(harmless_tree(value))
    # a backslash is doubled: else one before a quote would end the field that the quote stands in
    lines = (harmless(line).replace("\\", "\\\\") for line in text[:LONGEST].split("\n"))
    return "\\n".join(lines)


def _lines() -> structlog.types.Processor:
    return structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "role", "event"])
