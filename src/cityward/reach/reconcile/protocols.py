"""What was spoken: from the observer's word for it where it has one, else by the port, which is a hint and told as one.

INVARIANT: total. Any text and any port give an answer; what is not known is "".
SPEC: IANA service names and port numbers, for the ports below.
"""

from __future__ import annotations

from dataclasses import dataclass

from cityward.place.data import Protection
from cityward.reach.reconcile.seen import Seen

_SAME = {
    "http2": "http", "websocket": "http", "www": "http", "www-http": "http", "http-alt": "http", "web-browsing": "http",
    "sftp": "ssh", "scp": "ssh", "rfb": "vnc", "ms-wbt-server": "rdp", "rtp": "rtsp", "rtcp": "rtsp", "ftp-data": "ftp",
    "domain": "dns", "mqtts": "mqtt", "https": "http", "rtsps": "rtsp", "secure-mqtt": "mqtt",
}  # fmt: skip
_SEALED = frozenset(
    {"ssl", "tls", "dtls", "quic", "https", "mqtts", "rtsps", "secure-mqtt", "ssh", "sftp", "scp", "rdp"}
)
_WRAPPING = frozenset({"ssl", "tls", "dtls", "quic"})  # say that it is sealed, not what is inside
_NOTHING = frozenset({"", "-", "any", "unknown", "none", "other", "tcp", "udp", "incomplete", "insufficient-data"})

PORTS: dict[int, tuple[str, bool | None]] = {
    21: ("ftp", False), 22: ("ssh", True), 23: ("telnet", False), 53: ("dns", False), 67: ("dhcp", False), 68: ("dhcp", False),
    80: ("http", False), 123: ("ntp", False), 161: ("snmp", None), 162: ("snmp", None), 322: ("rtsp", True),
    389: ("ldap", None), 443: ("http", True), 445: ("smb", None), 514: ("syslog", False), 554: ("rtsp", False),
    636: ("ldap", True), 853: ("dns", True), 1026: ("http", None), 1883: ("mqtt", False), 2222: ("ssh", True),
    3306: ("mysql", None), 3389: ("rdp", True), 4222: ("nats", None), 5432: ("postgresql", None), 5671: ("amqp", True),
    5672: ("amqp", False), 5683: ("coap", False), 5684: ("coap", True), 5900: ("vnc", None), 5901: ("vnc", None),
    5985: ("winrm", False), 5986: ("winrm", True), 6514: ("syslog", True), 8000: ("http", False), 8008: ("http", False),
    8080: ("http", False), 8443: ("http", True), 8554: ("rtsp", False), 8883: ("mqtt", True), 9001: ("mqtt", None),
}  # fmt: skip
"""port -> (what usually answers there, whether it is sealed). 1026 is where NGSI-LD brokers listen, 9001 MQTT over WebSocket."""

ADMIN = frozenset({"ssh", "telnet", "rdp", "vnc", "winrm"})
"""What people administer machines with: a session, unless a flow is declared by it."""

_CARRIES = {
    "mqtt": {"mqtt"},
    "http": {"http"},
    "ngsi-ld": {"http"},
    "sftp": {"ssh"},
    "webhook": {"http"},
    "smtp": {"smtp"},
    "syslog": {"syslog"},
    "rtsp": {"rtsp"},
    "command": {"mqtt", "http"},
    "paper": set[str](),
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was spoken. `family` is "" where that is not known, `sealed` None; `by_port`: a hint, nobody looked."""

    family: str
    sealed: bool | None
    by_port: bool

    @property
    def of_people(self) -> bool:
        """Whether people administer machines with it."""
        return self.family in ADMIN


def spoken(seen: Seen) -> Spoken:
    """What a sighting speaks."""
    words = [word for word in seen.protocol.lower().replace(" ", "").split(",") if not word.startswith("-")]
    words = [word for word in words if word not in _NOTHING]
    family, sealed = PORTS.get(seen.port, ("", None)) if seen.port is not None else ("", None)
    if not words:
        return Spoken("icmp" if "icmp" in seen.transport.lower() else family, sealed, by_port=True)
    inner = [word for word in words if word not in _WRAPPING]
    if inner:
        return Spoken(_SAME.get(inner[0], inner[0]), any(word in _SEALED for word in words), by_port=False)
    return Spoken(family, True, by_port=False)


def carries(protocol: str, seen: Seen, heard: Spoken) -> bool:
    """Whether a flow declared by this protocol may look like this. What contradicts nothing may."""
    if protocol == "proprietary":
        return not heard.of_people
    if heard.family in _CARRIES[protocol]:
        return True
    if heard.family or protocol == "paper":
        return False
    sealed_inside = heard.sealed is True and not heard.by_port  # who looks at TLS on an odd port sees no more
    pictures = protocol == "rtsp" and seen.transport.lower() == "udp"  # RTP takes any port
    return seen.port is None or sealed_inside or pictures


def breaks(declared: Protection, protocol: str, heard: Spoken) -> bool:
    """Whether the protection seen is not the one declared. Of a proprietary protocol ports say nothing."""
    if heard.sealed is None or (protocol == "proprietary" and heard.by_port):
        return False
    if declared is Protection.NONE:
        return heard.sealed
    return declared in (Protection.TLS, Protection.MUTUAL_TLS) and not heard.sealed


def told(seen: Seen, heard: Spoken) -> str:
    """In words: `http over TLS, port 443`; `port 443 (http over TLS)` where it is known by its port only; `tcp port 9999`."""
    words = heard.family or ("something sealed" if heard.sealed else "")
    if heard.sealed and heard.family not in ("", "ssh", "rdp"):
        words += " over TLS"
    if seen.port is None:
        return words or seen.transport.lower() or "something"
    port = f"port {seen.port}"
    if not words:
        return f"{seen.transport.lower()} {port}".strip()
    return f"{port} ({words})" if heard.by_port else f"{words}, {port}"
