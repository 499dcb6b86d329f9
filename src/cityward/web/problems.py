"""What goes wrong at the door, as RFC 9457 problem details; and the dialect NGSI-LD wants them in.

INVARIANT: a problem's text is written for the caller: it names limits and mends, never secrets, paths or other callers.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from starlette.responses import Response

from cityward.text import harmless

LONGEST = 600
"""Characters of a detail: an answer to a long question is short."""

Dialect = Literal["problem", "ngsi-ld"]

_NGSI_ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
# SPEC: ETSI GS CIM 009 table 5.5.2-1; what it has no name for keeps ours
_NGSI_NAMES = {
    "bad-request": "InvalidRequest",
    "bad-json": "InvalidRequest",
    "bad-data": "BadRequestData",
    "not-found": "ResourceNotFound",
    "no-tenant": "NonexistentTenant",
    "no-tenants": "NoMultiTenantSupport",
    "not-supported": "OperationNotSupported",
    "too-complex": "TooComplexQuery",
    "log-silent": "InternalError",
    "link": "InternalError",
}


class Problem(Exception):  # noqa: N818  the word of RFC 9457; it is an answer, raised to end the request
    """The request ends here. `word` is one of a small fixed set: it is counted under, and stands in `type`."""

    def __init__(self, status: int, word: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.word, self.detail = status, word, harmless(detail[:LONGEST])  # it quotes who asked
        self.headers = dict(headers or {})
        super().__init__(f"{status} {word}: {detail}")

    def body(self, dialect: Dialect = "problem") -> dict[str, Any]:
        """The members of the problem details object."""
        name = _NGSI_NAMES.get(self.word) if dialect == "ngsi-ld" else None
        return {
            "type": f"{_NGSI_ERRORS}{name}" if name else f"urn:cityward:problem:{self.word}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }

    def response(self, dialect: Dialect = "problem") -> Response:
        """The answer to send."""
        # SPEC: ETSI GS CIM 009 5.5.3: NGSI-LD errors are application/json although RFC 7807 has a type of its own
        media = "application/problem+json" if dialect == "problem" else "application/json"
        return Response(
            msgspec.json.encode(self.body(dialect)), status_code=self.status, headers=self.headers, media_type=media
        )


def unavailable(word: str, detail: str, after_s: int = 1) -> Problem:
    """503 with `Retry-After`: nothing was accepted."""
    return Problem(503, word, detail, {"retry-after": str(after_s)})


def too_many(detail: str, wait_us: int) -> Problem:
    """429 with `Retry-After`, rounded up to a second."""
    return Problem(429, "too-many", detail, {"retry-after": str(max(1, -(-wait_us // 1_000_000)))})
