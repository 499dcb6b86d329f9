"""Logs are for operators: to standard error, one line each, with the process's name. Standard output is for answers."""

from __future__ import annotations

import sys

import structlog


def log_to_stderr(role: str) -> None:
    """Set up logging for one process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if sys.stderr.isatty() else _lines(),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(role=role)


def _lines() -> structlog.types.Processor:
    return structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "role", "event"])
