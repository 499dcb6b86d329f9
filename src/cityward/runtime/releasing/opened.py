"""What is open to anybody, as the web door is told of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """A document that a service publishes. body: None where there is none, or it is closed; closed: why. at: city us."""

    body: bytes | None = None
    at: int = 0
    closed: tuple[str, ...] = ()
