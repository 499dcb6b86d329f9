"""The city's OpenID provider: kept in the state directory, set by `cityward person provider`, asked by the web door.

SECURITY: the file may hold a client secret: it is the owner's only, and nothing here prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import msgspec

from cityward.adapters.outward.connect import Outward
from cityward.adapters.outward.http import Request, exchange
from cityward.compose.files import writing
from cityward.compose.home import Home
from cityward.errors import LinkError, PlaceError
from cityward.place.addresses import read_address
from cityward.place.exits import Exit

FILE = "people-oidc.json"
MOST_ANSWER = 256 * 1024

Fetch = Callable[[str, str, Mapping[str, str] | None], tuple[int, bytes]]


class PeopleOidc(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """issuer: the provider's address, as it names itself. addresses: where it may be reached, as in a declaration."""

    issuer: str
    client: str
    secret: str = ""
    scopes: tuple[str, ...] = ("openid",)
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """The configuration with a way to ask it."""

    issuer: str
    client: str
    secret: str
    scopes: tuple[str, ...]
    fetch: Fetch


def set_provider(home: Home, wanted: PeopleOidc) -> None:
    """Keep it; a running door takes it at its next start.

    Raises:
        PlaceError: the issuer is no https address.
    """
    parts = urlsplit(wanted.issuer)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise PlaceError(f"`{wanted.issuer[:200]}` is no https address", mend="write it as the provider names itself")
    path = home.keys / FILE
    with writing(path):
        draft = path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_bytes(msgspec.json.encode(wanted))
        draft.replace(path)


def provider_of(home: Home) -> Provider | None:
    """The provider, if one is set.

    Raises:
        LinkError: its file cannot be read.
    """
    path = home.keys / FILE
    try:
        found = msgspec.json.decode(path.read_bytes(), type=PeopleOidc)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LinkError("the OpenID provider's settings cannot be read", mend="cityward person provider") from error
    return Provider(found.issuer, found.client, found.secret, found.scopes, _fetch(found))


def _fetch(found: PeopleOidc) -> Fetch:
    """Through the one door outward: the issuer's host and those below the declared names, at the declared addresses."""
    outward = Outward()

    def fetch(method: str, address: str, form: Mapping[str, str] | None) -> tuple[int, bytes]:
        parts = urlsplit(address)
        if parts.scheme != "https" or not parts.hostname:
            raise LinkError(f"the OpenID provider leads to `{address[:200]}`, which is no https address")
        exit_ = Exit(
            by="people:oidc",
            flows=(),
            scheme="https",
            host=parts.hostname,
            port=parts.port or 443,
            addresses=tuple(read_address(one) for one in found.addresses),
        )
        headers = {"accept": "application/json"}
        headers |= {} if form is None else {"content-type": "application/x-www-form-urlencoded"}
        answer = exchange(
            outward,
            exit_,
            Request(
                method="GET" if method == "GET" else "POST",
                path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
                body=b"" if form is None else urlencode(form).encode(),
                headers=headers,
                most_answer=MOST_ANSWER,
            ),
        )
        if not answer.is_whole:
            raise LinkError("the OpenID provider's answer is too long, or was cut off")
        return answer.status, answer.body

    return fetch
