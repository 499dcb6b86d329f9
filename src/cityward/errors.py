"""The one small family of errors, by who must act.

Every message has three parts: `what` happened (with both values), `where` (file:line, path), and how to `mend` it.
A gate's refusal is a decision, not an error; it never appears here.

INVARIANTS
- Messages never hold secrets or personal data.
- SECURITY: messages quote what others wrote; each part is made harmless, one line, as the error is made.
"""

from __future__ import annotations

from collections.abc import Sequence

from cityward.text import harmless


class CitywardError(Exception):
    """The root. Raised as one of its children, never itself."""

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.what, self.where, self.mend = harmless(what), harmless(where), harmless(mend)
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.mend:
            lines.append(f"  mend:  {self.mend}")
        return "\n".join(lines)


class PlaceError(CitywardError):
    """The declaration is wrong: whoever keeps it must mend it."""


class PlaceErrors(PlaceError):  # noqa: N818 - it is the errors
    """All the errors of one declaration at once: a person is reading."""

    def __init__(self, errors: Sequence[PlaceError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(e.what for e in self.errors))

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


class DecodeError(CitywardError):
    """The sender is wrong. `reason` is a `guard.reasons.Reason` name, so that every refusal is counted under one word."""

    def __init__(self, reason: str, what: str, *, where: str = "", mend: str = "") -> None:
        self.reason = reason
        super().__init__(what, where=where, mend=mend)


class LinkError(CitywardError):
    """The world did not answer (bus, disk, database). May be retried; nothing was acknowledged meanwhile."""


class Refused(CitywardError):  # noqa: N818 - what every way out calls it
    """A declared endpoint leads elsewhere now, by its name, its address or a redirect. Nothing is sent until that is mended."""


class EvidenceError(CitywardError):
    """What was recorded and what is found differ: stop and investigate."""
