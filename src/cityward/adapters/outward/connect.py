"""Opens connections to declared exits: to a checked address, with TLS to the declared name, and one deadline for all of it.

Theory of operation
-------------------
`Outward` is the city's (or one role's) door. `open` looks the exit's name up once, has every address checked, and connects to the
first that answers. From then on whoever uses the `Link` may block as sockets do: when the whole time is over the connection
itself is cut, below TLS, and the next read meets its end. A socket's own timeout begins anew with every byte, so it alone would
let a receiver that answers one now and then hold its sender for as long as it likes.

INVARIANTS
- For each exit: opened == closed + those that are open at this moment.
- A link is encrypted before anything is sent where the exit's scheme says so, and only to a certificate for the exit's own name.
- No proxy, and nothing else of the environment, changes where a connection goes.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address

import msgspec

from cityward.adapters.outward.resolve import IP, Resolve, SystemNames, addresses_of
from cityward.errors import LinkError, Refused
from cityward.place.exits import Exit

WHOLE_S = 45.0
"""So long an exchange may take, with every answer. Less than `runtime.watching.alerting.SEND_S`: it ends before that."""
CONNECT_S = 10.0  # one address
MOST_DATAGRAM = 2048  # SPEC: RFC 5426 3.2, what every receiver of syslog should take


class LinkCount(msgspec.Struct, kw_only=True):
    """Of one exit, since the start. failed: nobody answered, or TLS came to nothing. refused: it led elsewhere."""

    flows: tuple[str, ...] = ()
    opened: int = 0
    closed: int = 0
    failed: int = 0
    refused: int = 0
    cut: int = 0  # took longer than it may
    last_refusal: str = ""


@dataclass(frozen=True, slots=True)
class Turned:
    """A destination that was refused."""

    exit: Exit
    why: str


class Link:
    """One open connection. `sock` is for one user at a time, and is closed by whoever opened the link."""

    def __init__(self, sock: socket.socket, host: str) -> None:
        self.sock, self.host = sock, host
        self.is_cut = False
        # SECURITY: a second handle of the same connection, to cut it by whoever holds the first one meanwhile (TLS, asyncio)
        self._cutter = sock.dup()
        self._lock = threading.Lock()  # a handle that is closed meanwhile may be somebody else's by the time it is cut

    def seal(self, trust: ssl.SSLContext | None) -> None:
        """TLS to the exit's name, from here on.

        Args:
            trust: whom to trust; None: the system's authorities.

        Raises:
            OSError: the other side does not prove to be that name, or broke off.
        """
        self.sock = context_of(trust).wrap_socket(self.sock, server_hostname=self.host)

    def cut(self) -> None:
        """End it now, whatever it is doing."""
        with self._lock, contextlib.suppress(OSError):  # it ended by itself
            self._cutter.shutdown(socket.SHUT_RDWR)
            self.is_cut = True

    def close(self) -> None:
        """Close it. Safe to repeat."""
        with contextlib.suppress(OSError):
            self.sock.close()
        with self._lock:
            self._cutter.close()


def context_of(trust: ssl.SSLContext | None) -> ssl.SSLContext:
    """What a connection is sealed with; never one that takes any certificate."""
    context = trust or ssl.create_default_context()
    if not context.check_hostname or context.verify_mode is not ssl.CERT_REQUIRED:
        raise ValueError("a context that does not check certificates")
    return context


def _nobody(_: Turned) -> None: ...


def _open(_: Exit) -> str:
    return ""


class Outward:
    """The door to elsewhere. Thread-safe.

    Args:
        resolve: looks names up.
        tell: hears of every refused destination; never blocks, never raises.
        trust: whom to trust where a caller does not say; None: the system's authorities.
        objection: why an exit is shut, whatever is declared of it; "" where it is not. Asked before its name is looked up.
    """

    def __init__(
        self,
        resolve: Resolve | None = None,
        tell: Callable[[Turned], None] = _nobody,
        trust: ssl.SSLContext | None = None,
        objection: Callable[[Exit], str] = _open,
    ) -> None:
        self._resolve, self._tell, self.trust, self._objection = resolve or SystemNames(), tell, trust, objection
        self._lock = threading.Lock()
        self._counts: dict[str, LinkCount] = {}

    def counts(self) -> dict[str, LinkCount]:
        """Exit -> its counts; a copy."""
        with self._lock:
            return {by: msgspec.structs.replace(count) for by, count in self._counts.items()}

    @contextmanager
    def open(self, exit_: Exit, whole_s: float = WHOLE_S) -> Generator[Link]:
        """A connection for the length of the block, sealed where the scheme says `tls`. Blocks.

        Raises:
            LinkError: nobody answered, or the block met an `OSError` (it broke, or the whole time was over).
            Refused: the name leads elsewhere.
        """
        until = time.monotonic() + whole_s
        link = self._connected(exit_, until)
        timer = threading.Timer(max(0.0, until - time.monotonic()), link.cut)
        timer.daemon = True
        timer.start()
        try:
            if exit_.sealed == "tls":
                link.seal(self.trust)
            yield link
        except OSError as error:
            self._count(exit_, failed=1)
            raise _no_answer(exit_, error) from error
        except LinkError:
            self._count(exit_, failed=1)
            raise
        finally:
            timer.cancel()
            link.close()
            self._count(exit_, closed=1, cut=int(link.is_cut))

    def send_datagram(self, exit_: Exit, data: bytes) -> None:
        """One datagram; nobody says whether it arrived.

        Raises:
            LinkError: it could not be sent.
            Refused: the name leads elsewhere.
        """
        address = self._addresses(exit_, CONNECT_S)[0]
        try:
            with socket.socket(_family(address), socket.SOCK_DGRAM) as link:
                link.settimeout(CONNECT_S)
                self._count(exit_, opened=1)
                try:
                    link.sendto(data[:MOST_DATAGRAM], (str(address), exit_.port))
                finally:
                    self._count(exit_, closed=1)
        except OSError as error:
            self._count(exit_, failed=1)
            raise _no_answer(exit_, error) from error

    def refuse(self, exit_: Exit, error: Refused) -> Refused:
        """Count and tell a refusal, and give it back to be raised."""
        self._count(exit_, refused=1, last_refusal=error.what)
        self._tell(Turned(exit_, error.what))
        return error

    def _addresses(self, exit_: Exit, within_s: float) -> Sequence[IP]:
        if why := self._objection(exit_):
            raise self.refuse(exit_, Refused(f"`{exit_.host}` is not called: {why}", where=exit_.by))
        try:
            return addresses_of(exit_, self._resolve, within_s)
        except Refused as error:
            raise self.refuse(exit_, error) from None
        except LinkError:
            self._count(exit_, failed=1)
            raise

    def _connected(self, exit_: Exit, until: float) -> Link:
        wrong: OSError = TimeoutError()
        for address in self._addresses(exit_, min(CONNECT_S, max(0.0, until - time.monotonic()))):
            left = until - time.monotonic()
            if left <= 0:
                break
            try:
                sock = _connect(address, exit_.port, min(CONNECT_S, left))
            except OSError as error:
                wrong = error
                continue
            sock.settimeout(max(0.001, until - time.monotonic()))
            self._count(exit_, opened=1)
            return Link(sock, exit_.host)
        self._count(exit_, failed=1)
        raise _no_answer(exit_, wrong) from wrong

    def _count(self, exit_: Exit, *, last_refusal: str = "", **more: int) -> None:
        with self._lock:
            count = self._counts.setdefault(exit_.by, LinkCount(flows=exit_.flows))
            for name, number in more.items():
                setattr(count, name, getattr(count, name) + number)
            count.last_refusal = last_refusal or count.last_refusal


def _connect(address: IP, port: int, within_s: float) -> socket.socket:
    """# SECURITY: to an address, so that no name is looked up again."""
    sock = socket.socket(_family(address), socket.SOCK_STREAM)
    try:
        sock.settimeout(within_s)
        sock.connect((str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


def _family(address: IP) -> socket.AddressFamily:
    return socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET


def _no_answer(exit_: Exit, error: OSError) -> LinkError:
    if isinstance(error, ssl.SSLCertVerificationError):
        why, mend = f"its certificate does not hold ({error.verify_message})", "see whose certificate it shows"
    else:
        why, mend = type(error).__name__, "it is tried again"
    return LinkError(f"{exit_.host} did not answer: {why}", mend=mend)
