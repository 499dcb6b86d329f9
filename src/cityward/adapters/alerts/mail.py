"""An alert by mail: submission with STARTTLS (`smtp`) or TLS from the first byte (`smtps`), RFC 8314.

A password is sent only over TLS. On loopback a server without TLS is accepted for `smtp`: nobody is in between.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from ipaddress import IPv6Address, ip_address

from cityward.adapters.outward.connect import Link, Outward, context_of
from cityward.errors import LinkError
from cityward.place.exits import Exit


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail. `name` is what names this alert in every try: its Message-ID."""

    sender: str
    recipients: Sequence[str]
    subject: str
    text: str
    name: str


@dataclass(frozen=True, slots=True)
class Login:
    """What a mail server wants to know."""

    user: str
    password: str


class _Submission(smtplib.SMTP):
    """SMTP over a connection that is open already; it opens none, and looks no name up."""

    def __init__(self, link: Link, exit_: Exit) -> None:
        self._link = link
        super().__init__(exit_.host, exit_.port, local_hostname=_own_name(link.sock))

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # what `smtplib` calls to connect
        return self._link.sock


def _own_name(sock: socket.socket) -> str:
    """SPEC: RFC 5321 4.1.3, an address literal: this machine's name is no business of the server, nor of a resolver."""
    address = ip_address(str(sock.getsockname()[0]).partition("%")[0])
    return f"[IPv6:{address}]" if isinstance(address, IPv6Address) else f"[{address}]"


def send(outward: Outward, exit_: Exit, letter: Letter, login: Login | None = None) -> None:
    """Send one mail. Blocks for at most `WHOLE_S`.

    Raises:
        LinkError: the server did not take it for all recipients.
        Refused: the name leads elsewhere.
    """
    try:
        message = _message(letter)
    except ValueError as error:
        raise LinkError("that is no mail: a header of it has a line break", mend="mend the subject") from error
    with outward.open(exit_) as link:
        try:
            refused = _submitted(_Submission(link, exit_), exit_, letter, message, login, outward.trust)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise LinkError(
                f"{exit_.host} did not take the mail: {type(error).__name__}", mend="it is tried again"
            ) from error
    if refused:
        raise LinkError(f"{exit_.host} refused {refused} of {len(letter.recipients)} recipients")


def _submitted(
    server: smtplib.SMTP,
    exit_: Exit,
    letter: Letter,
    message: EmailMessage,
    login: Login | None,
    trust: ssl.SSLContext | None,
) -> int:
    """How many recipients the server refused."""
    with server:
        if exit_.sealed == "starttls" and not (_is_loopback(exit_.host) and not _offers_tls(server)):
            server.starttls(context=context_of(trust))
            server.ehlo()
        if login is not None:
            _log_in(server, login)
        return len(server.send_message(message, letter.sender, list(letter.recipients)))


def _offers_tls(server: smtplib.SMTP) -> bool:
    server.ehlo()
    return server.has_extn("starttls")


def _log_in(server: smtplib.SMTP, login: Login) -> None:
    if not isinstance(server.sock, ssl.SSLSocket):
        raise smtplib.SMTPNotSupportedError("no password goes over a line without TLS")
    server.login(login.user, login.password)


def _message(letter: Letter) -> EmailMessage:
    """SECURITY: `EmailMessage` refuses line breaks in headers, so a subject cannot add one."""
    message = EmailMessage()
    message["From"] = letter.sender
    message["To"] = ", ".join(letter.recipients)
    message["Subject"] = letter.subject
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = f"<{letter.name}@{letter.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # SPEC: RFC 3834 5: no out-of-office answers
    message.set_content(letter.text)
    return message


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
