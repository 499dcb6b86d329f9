"""The fields of a line: which column is what, under the many names that firewalls, NetFlow exporters and Zeek give them.

INVARIANT: every reader of a value is total over text: it answers, or raises `BadLine` with a reason of a few words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from cityward.ids import is_id
from cityward.time import SECOND, to_us


class BadLine(Exception):  # noqa: N818 - it is what is wrong with a line, told with its number
    """This line cannot be read, and why."""


ALIASES: Mapping[str, tuple[str, ...]] = {
    "source": (
        "id_orig_h", "orig_h", "src_ip", "srcip", "source_ip", "sourceip", "srcaddr", "src_addr", "source_addr", "src_address",
        "source_address", "sourceaddress", "src_ip_addr", "ipv4_src_addr", "ipv6_src_addr", "client_ip", "saddr", "sa", "src",
        "source", "src_host", "source_host", "client", "from",
    ),
    "destination": (
        "id_resp_h", "resp_h", "dst_ip", "dstip", "dest_ip", "destination_ip", "destinationip", "dstaddr", "dst_addr",
        "dest_addr", "destination_addr", "dst_address", "dest_address", "destination_address", "destinationaddress",
        "dst_ip_addr", "ipv4_dst_addr", "ipv6_dst_addr", "server_ip", "daddr", "da", "dst", "dest", "destination", "dst_host",
        "dest_host", "destination_host", "server", "to",
    ),
    "port": (
        "id_resp_p", "resp_p", "dst_port", "dstport", "dest_port", "destport", "destination_port", "destinationport",
        "server_port", "l4_dst_port", "dpt", "dport", "dp", "port",
    ),
    "source_port": (
        "id_orig_p", "orig_p", "src_port", "srcport", "source_port", "sourceport", "client_port", "l4_src_port", "spt", "sport",
        "sp",
    ),
    "transport": ("proto", "transport", "ip_protocol", "ip_proto", "protocol", "pr"),
    "service": ("service", "app", "application", "app_name", "application_name", "app_proto", "l7_protocol"),
    "first": (
        "ts", "timestamp", "start", "start_time", "starttime", "flow_start", "first", "first_seen", "first_switched", "datetime",
        "date_time", "event_time", "eventtime", "generated_time", "received_at", "time", "date",
    ),
    "last": ("end", "end_time", "endtime", "flow_end", "last", "last_seen", "last_switched", "te"),
    "duration": ("duration", "elapsed"),
    "bytes": (
        "orig_bytes", "bytes_sent", "sent_bytes", "sentbyte", "bytes_out", "src_bytes", "sbytes", "bytes_toserver", "in_bytes",
        "octets", "bytes", "ibyt", "total_bytes",
    ),
    "bytes_back": (
        "resp_bytes", "bytes_received", "received_bytes", "rcvd_bytes", "rcvdbyte", "bytes_recv", "bytes_in", "dst_bytes",
        "dbytes", "bytes_toclient", "out_bytes", "obyt",
    ),
    "refused": ("action", "disposition", "verdict", "conn_state", "connection_state"),
    "count": ("connections", "sessions", "count", "repeat_count"),
    "dataset": ("dataset",),
}  # fmt: skip
"""What a column is -> the names it goes by, the more telling ones first. Compared in lower case, with `_` for all but letters and
digits."""

REFUSED = frozenset(
    {
        "deny", "denied", "drop", "dropped", "block", "blocked", "reject", "rejected", "discard", "discarded", "refuse",
        "refused", "reset", "reset_both", "reset_client", "reset_server", "drop_icmp", "no_answer",
    }
)  # fmt: skip
_ZEEK_STATES = {"s0": "no answer", "rstos0": "no answer", "sh": "no answer", "rej": "rejected"}
"""SPEC: Zeek `conn_state`: an attempt that was never answered, or turned down. Others moved something, or were seen in part."""

_TRANSPORTS = {"1": "icmp", "6": "tcp", "17": "udp", "47": "gre", "50": "esp", "58": "icmp6", "132": "sctp"}
_KNOWN_TRANSPORTS = frozenset({*_TRANSPORTS.values(), "igmp", "unknown_transport", "ipv6-icmp", "ah"})
_ADDRESS = re.compile(r"[0-9A-Za-z_:\[][0-9A-Za-z_.:%\[\]-]{0,254}\Z")
_WORDS = re.compile(r"[a-z0-9_.,/+ -]{0,64}\Z")  # SECURITY: a log's words end on a terminal; no control characters

_NOT_NAME = re.compile(r"[^a-z0-9]+")
END_OF_TIME_US = 253_402_300_800 * SECOND
_LONGEST_S = 86_400 * 366 * 100
_REMEMBERED = 1 << 16  # texts: addresses and ports come again on every line


def plain_name(text: str) -> str:
    """A column's name as `ALIASES` has it: `id.orig_h` and `Source IP` become `id_orig_h` and `source_ip`."""
    return _NOT_NAME.sub("_", text.strip().lower()).strip("_")


def columns(header: Sequence[str]) -> dict[str, int]:
    """What the columns are -> which one. Only those that are known; the more telling name wins."""
    at = {name: i for i, name in reversed(list(enumerate(map(plain_name, header))))}
    found = {role: next((at[name] for name in names if name in at), -1) for role, names in ALIASES.items()}
    if found["first"] == at.get("time", -1) and "date" in at:
        found["date"] = at["date"]
    return {role: column for role, column in found.items() if column >= 0}


@lru_cache(_REMEMBERED)
def address(text: str) -> str:
    """An address or a name, as it is written."""
    text = text.strip()
    if not _ADDRESS.match(text):
        raise BadLine("no address" if not text else "an address that is none")
    return text


@lru_cache(_REMEMBERED)
def port(text: str) -> int | None:
    """A port; None where there is none."""
    if not text or text == "-":
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 5 or int(text) > 65_535:
        raise BadLine("a port that is none")
    return int(text)


def number(text: str) -> int | None:
    """A count of bytes or connections; None where there is none."""
    if text.isdecimal() and text.isascii() and len(text) < 19:
        return int(text)
    if not text or text == "-":
        return None
    raise BadLine("a number that is none")


def dataset(text: str) -> str | None:
    """The id of a dataset; None where there is none."""
    if not text or text == "-":
        return None
    if not is_id(text):
        raise BadLine("a dataset that is no id")
    return text


@lru_cache(_REMEMBERED)
def transport_and_service(transport: str, service: str) -> tuple[str, str]:
    """What carries, and what is spoken. Some logs write `http` where others write `tcp`."""
    low = transport.strip().lower()
    low = _TRANSPORTS.get(low, low)
    service = service.strip().lower().removeprefix("(empty)")
    if not _WORDS.match(service) or not _WORDS.match(low):
        raise BadLine("a protocol that is none")
    if low in _KNOWN_TRANSPORTS or low in ("", "-"):
        return low.strip("-"), service.strip("-")
    return "", service.strip("-") or low


@lru_cache(_REMEMBERED)
def refusal(text: str, transport: str) -> str:
    """Why it did not get through, "" where it did. Over UDP no answer is nothing special."""
    word = plain_name(text)
    if word in _ZEEK_STATES:
        return "" if transport == "udp" else _ZEEK_STATES[word]
    return word.replace("_", "-") if word in REFUSED else ""


def seconds_us(text: str) -> int:
    """A duration in seconds, as us; 0 where there is none."""
    try:
        return lasting_us(float(text)) if text and text != "-" else 0
    except ValueError:
        raise BadLine("a duration that is none") from None


def lasting_us(seconds: float) -> int:
    """A duration, as us."""
    if not 0 <= seconds <= _LONGEST_S:
        raise BadLine("a duration that is none")
    return int(seconds * SECOND)


class Times:
    """Reads times, and keeps the last: neighbouring lines share it. `naive`: how many had no zone, and were taken as UTC."""

    def __init__(self) -> None:
        self.naive = 0
        self._last: tuple[str, int | None, bool] = ("", None, False)

    def us(self, text: str) -> int | None:
        """us since 1970; None where there is none. Numbers are seconds, or ms, us, ns where they would be too large."""
        known, value, naive = self._last
        if text != known:
            value, naive = _time(text.strip())
            self._last = (text, value, naive)
        self.naive += naive
        return value


def _time(text: str) -> tuple[int | None, bool]:
    if not text or text == "-":
        return None, False
    try:
        if "-" in text or "/" in text:
            moment = datetime.fromisoformat(text.replace("/", "-"))
            naive = moment.tzinfo is None
            return _in_time(to_us(moment.replace(tzinfo=UTC) if naive else moment)), naive
        return _in_time(_from_number(float(text))), False
    except (ValueError, OverflowError):
        raise BadLine("a time that is none") from None


def _from_number(seconds: float) -> int:
    for scale in (1, 1_000, 1_000_000, 1_000_000_000):
        if seconds < 100_000_000_000 * scale:  # the year 5138
            return int(seconds / scale * SECOND + 0.5)
    raise BadLine("a time that is none")


def _in_time(us: int) -> int:
    if not 0 <= us < END_OF_TIME_US:
        raise BadLine("a time that is none")
    return us
