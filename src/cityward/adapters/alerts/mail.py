"""An alert by mail: submission with STARTTLS (`smtp`) or TLS from the first byte (`smtps`), RFC 8314.

A password is sent only over TLS. On loopback a server without TLS is accepted for `smtp`: nobody is in between.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from ipaddress import ip_address

from cityward.adapters.alerts.whole import cut_off_in_time
from cityward.errors import LinkError
from cityward.place.alerts import Endpoint

DEADLINE_S = 20.0


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


def send(endpoint: Endpoint, letter: Letter, login: Login | None = None, trust: ssl.SSLContext | None = None) -> None:
    """Send one mail. Blocks for at most `DEADLINE_S` a step, and `WHOLE_S` in all.

    Raises:
        LinkError: the server did not take it for all recipients.
    """
    context = trust or ssl.create_default_context()
    try:
        message = _message(letter)
        # made before it connects, which is in its `__init__`: a greeting that never ends is cut too
        kind = smtplib.SMTP_SSL if endpoint.scheme == "smtps" else smtplib.SMTP
        server = kind.__new__(kind)
        with cut_off_in_time(lambda: server.sock), _connected(server, endpoint, context):
            if endpoint.scheme == "smtp" and not (_is_loopback(endpoint.host) and not _offers_tls(server)):
                server.starttls(context=context)
                server.ehlo()
            if login is not None:
                _log_in(server, login)
            refused = server.send_message(message, letter.sender, list(letter.recipients))
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise LinkError(
            f"{endpoint.host} did not take the mail: {type(error).__name__}", mend="it is tried again"
        ) from error
    if refused:
        raise LinkError(f"{endpoint.host} refused {len(refused)} of {len(letter.recipients)} recipients")


def _connected(server: smtplib.SMTP, endpoint: Endpoint, context: ssl.SSLContext) -> smtplib.SMTP:
    if isinstance(server, smtplib.SMTP_SSL):
        server.__init__(endpoint.host, endpoint.port, timeout=DEADLINE_S, context=context)
    else:
        server.__init__(endpoint.host, endpoint.port, timeout=DEADLINE_S)
    return server


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
