"""XML that cameras send, read into small trees, safely; and SOAP requests written. Pure; any bytes get a verdict.

INVARIANTS
- SECURITY: no document type, no entity of its own, no external reference: the first declaration of one ends the reading.
- Bounded: `MOST_BYTES`, `MOST_ELEMENTS`, `MOST_DEPTH`, `MOST_TEXT` of one element.

Names are without their namespaces: cameras differ in the versions that they name, and no two things of one name are asked for
here.

Source: SOAP 1.2; OASIS WS-Security UsernameToken Profile 1.1 (password digest).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape

from cityward.errors import LinkError

MOST_BYTES = 256 << 10  # PRECEDENT: the largest answers asked for here, all profiles, are some 40 kB
MOST_ELEMENTS, MOST_DEPTH, MOST_TEXT = 20_000, 64, 8192

_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
_BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"


@dataclass(slots=True)
class Element:
    """One element: its name without a namespace, its attributes likewise, its text, and those within."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    text: str = ""
    within: list[Element] = field(default_factory=list["Element"])

    def all(self, name: str) -> Iterator[Element]:
        """Every element of this name below, in document order."""
        for one in self.within:
            if one.name == name:
                yield one
            yield from one.all(name)

    def first(self, *path: str) -> Element | None:
        """The first element below of this name, and below it of the next one; None where there is none."""
        found: Element | None = self
        for name in path:
            found = next(found.all(name), None) if found is not None else None
        return found

    def word(self, *path: str) -> str:
        """The text of the first such; "" where there is none."""
        found = self.first(*path)
        return "" if found is None else found.text.strip()


class _Reading:
    def __init__(self) -> None:
        self.root = Element("")
        self._open = [self.root]
        self._count = 0

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS or len(self._open) > MOST_DEPTH:
            raise LinkError("an answer with too many elements, or too deep")
        made = Element(_plain(name), {_plain(key): value[:MOST_TEXT] for key, value in attributes.items()})
        self._open[-1].within.append(made)
        self._open.append(made)

    def end(self, _: str) -> None:
        self._open.pop()

    def text(self, data: str) -> None:
        one = self._open[-1]
        one.text = (one.text + data)[:MOST_TEXT]


def read(body: bytes) -> Element:
    """The tree.

    Raises:
        LinkError: it is no XML, declares a document type, or is too large.
    """
    if len(body) > MOST_BYTES:
        raise LinkError(f"an answer of more than {MOST_BYTES} bytes")
    reading = _Reading()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    parser.StartElementHandler = reading.begin
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # LookupError: an encoding that nobody knows
        raise LinkError(f"the camera's answer is no XML: {type(error).__name__}") from None
    return reading.root.within[0]


def envelope(
    body: str, login: tuple[str, str] | None = None, nonce: bytes = b"", created: str = "", to: str = ""
) -> bytes:
    """A SOAP 1.2 request.

    Args:
        body: what is asked, as XML of ours.
        login: user and password; the password goes out as a digest of it, the nonce and the time.
        nonce: 16 fresh bytes.
        created: now by the camera's own clock, RFC 3339 in UTC.
        to: the address, where a subscription is asked.
    """
    head = "" if login is None else _token(login, nonce, created)
    if to:
        head += f'<a:To xmlns:a="http://www.w3.org/2005/08/addressing">{escape(to)}</a:To>'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{_SOAP}"><s:Header>{head}</s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def digest_of(password: str, nonce: bytes, created: str) -> str:
    """Base64(SHA-1(nonce + created + password)).

    SPEC: UsernameToken Profile 1.1, 3.1. SHA-1 is the standard's; what it protects is a nonce that serves once.

    Example:
        >>> import base64
        >>> digest_of("userpassword", base64.b64decode("LKqI6G/AikKCQrN0zqZFlg=="), "2010-09-16T07:50:45Z")
        'tuOSpGlFlIXsozq4HFNeeGeFLEI='
    """
    return base64.b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode()  # noqa: S324


def _token(login: tuple[str, str], nonce: bytes, created: str) -> str:
    user, password = login
    return (
        f'<w:Security s:mustUnderstand="1" xmlns:w="{_WSSE}" xmlns:u="{_WSU}"><w:UsernameToken>'
        f"<w:Username>{escape(user)}</w:Username>"
        f'<w:Password Type="{_DIGEST}">{digest_of(password, nonce, created)}</w:Password>'
        f'<w:Nonce EncodingType="{_BASE64}">{base64.b64encode(nonce).decode()}</w:Nonce>'
        f"<u:Created>{escape(created)}</u:Created></w:UsernameToken></w:Security>"
    )


def _plain(name: str) -> str:
    return name.rpartition(" ")[2][:128]


def _refuse(*_: object) -> int:
    raise LinkError("the camera's answer declares a document type; such are not read")
