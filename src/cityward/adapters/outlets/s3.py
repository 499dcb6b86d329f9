"""Files put into an S3-compatible store (`runtime.releasing.ports.WayOut`): one signed PUT each, path style.

`botocore` (extra `export`) signs and does nothing else; what is sent goes through our own door outward.

INVARIANTS
- The signature stands in the headers, holds for this body (its hash is signed) and, as stores have it, for some 15 minutes.
  SECURITY: no signed URL is ever made: one that leaks could be used by whoever finds it.
- A try puts the same object under the same key: a repeat replaces it by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from cityward.adapters.keys.ways import StoreAccess
from cityward.adapters.outlets.names import checked_name, within_s
from cityward.adapters.outward.connect import Outward
from cityward.adapters.outward.http import Answer, Request, exchange, host_header
from cityward.errors import LinkError
from cityward.place.exits import Exit

MOST_BODY = (
    256 * 2**20
)  # PRECEDENT: stores take 5 GB at once; a body stands in memory here, so one PUT is enough below this
_CODE = re.compile(rb"<Code>([A-Za-z]{1,64})</Code>")


@dataclass(frozen=True, slots=True)
class StoreWay:
    """One recipient's bucket. prefix: with a leading `/`. access: asked for each time, so that a new one holds at once."""

    outward: Outward
    exit: Exit
    bucket: str
    prefix: str
    access: Callable[[], StoreAccess]

    def send(self, body: bytes, name: str, headers: Mapping[str, str]) -> None:
        """See `WayOut`.

        Raises:
            LinkError: the store did not take it, or there is no access to it.
            Refused: its name, or a redirect, leads elsewhere.
        """
        if len(body) > MOST_BODY:
            raise LinkError(f"`{name}` has {len(body)} bytes, more than {MOST_BODY}", mend="export more often")
        path = quote(f"/{self.bucket}{self.prefix.rstrip('/')}/{checked_name(name)}", safe="/-_.~")
        signed = signed_headers(self.exit, path, body, headers, self.access())
        answer = exchange(self.outward, self.exit, Request("PUT", path, body, signed, whole_s=within_s(body)))
        if not answer.is_taken:
            raise LinkError(f"{self.exit.host} answered {_said(answer)}", mend="see what the store's log says")


def signed_headers(
    exit_: Exit, path: str, body: bytes, headers: Mapping[str, str], access: StoreAccess
) -> dict[str, str]:
    """The headers of a PUT with its signature. SPEC: AWS Signature Version 4, in headers.

    Raises:
        LinkError: `botocore` is not installed.
    """
    try:
        from botocore.auth import S3SigV4Auth  # noqa: PLC0415 - an extra, and slow to import
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415
        from botocore.credentials import Credentials  # noqa: PLC0415
    except ImportError as error:
        raise LinkError("exports to a store need botocore", mend="pip install 'cityward[export]'") from error
    url = f"{exit_.scheme}://{host_header(exit_)}{path}"
    request = AWSRequest(method="PUT", url=url, data=body, headers=dict(headers))
    S3SigV4Auth(Credentials(access.access, access.secret), "s3", access.region).add_auth(request)
    return {str(name): str(value) for name, value in request.headers.items()}


def _said(answer: Answer) -> str:
    """The status and the store's own word for it; nothing else of its answer is repeated."""
    code = _CODE.search(answer.body)
    return f"{answer.status} {code.group(1).decode()}" if code else str(answer.status)
