"""The city's OpenID provider: kept in the state directory, set by `cityward person provider`, asked by the web door.

SECURITY: the file may hold a client secret: it is the owner's only, and nothing here prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
BY = "people:oidc"
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


def provider_of(home: Home, outward: Outward) -> Provider | None:
    """The provider, if one is set. outward: the door of the role that asks it.

    Raises:
        LinkError: its file cannot be read.
    """
    found = _kept(home)
    if found is None:
        return None
    return Provider(found.issuer, found.client, found.secret, found.scopes, _fetch(found, outward))


def issuer_of(home: Home) -> str:
    """The provider as it names itself; "" without one.

    Raises:
        LinkError: its file cannot be read.
    """
    found = _kept(home)
    return "" if found is None else found.issuer


def provider_exits(home: Home) -> Sequence[Exit]:
    """Where the provider is called: the issuer's host, and every other name that was given with it. Empty without one.

    Raises:
        LinkError: its file cannot be read.
    """
    found = _kept(home)
    if found is None:
        return ()
    issuer = urlsplit(found.issuer)
    names = {text.lower() for text in found.addresses if isinstance(read_address(text), str)} - {issuer.hostname}
    return [_exit(found, issuer.hostname or "", issuer.port or 443), *(_exit(found, one, 443) for one in sorted(names))]


def _kept(home: Home) -> PeopleOidc | None:
    try:
        return msgspec.json.decode((home.keys / FILE).read_bytes(), type=PeopleOidc)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LinkError("the OpenID provider's settings cannot be read", mend="cityward person provider") from error


def _exit(found: PeopleOidc, host: str, port: int) -> Exit:
    addresses = tuple(read_address(one) for one in found.addresses)
    return Exit(by=BY, flows=(), scheme="https", host=host, port=port, addresses=addresses)


def _fetch(found: PeopleOidc, outward: Outward) -> Fetch:
    """Through the one door outward: the issuer's host and those below the declared names, at the declared addresses."""

    def fetch(method: str, address: str, form: Mapping[str, str] | None) -> tuple[int, bytes]:
        parts = urlsplit(address)
        if parts.scheme != "https" or not parts.hostname:
            raise LinkError(f"the OpenID provider leads to `{address[:200]}`, which is no https address")
        exit_ = _exit(found, parts.hostname, parts.port or 443)
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
