"""Makes the fictional logs beside it: one day of Doggerford's network, as Zeek and a firewall would have logged it.

    python examples/doggerford/observed/make.py

No traffic was recorded: addresses are those of the declaration (documentation ranges), amounts are drawn with a fixed seed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
DAY = datetime(2026, 3, 2, tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class Talk:
    """Who speaks to whom, how often in the day, and about how many bytes go out and come back each time."""

    source: str
    destination: str
    port: int
    service: str
    times: int
    out: int
    back: int
    state: str = "SF"


def block(first: int, count: int) -> list[str]:
    return [f"192.0.2.{first + n}" for n in range(count)]


CITY, MIRROR, DIRECTORY = "192.0.2.2", "192.0.2.4", "192.0.2.5"
LIGHTING, SIGNALS, VIDEO, ARCHIVE, PLATES, POLICE, TRANSIT = (f"192.0.2.{n}" for n in range(20, 27))
HARBOUR_BACKUP, CLOUD_BACKUP = "192.0.2.40", "198.51.100.64"
NORTHLIGHT, NORTHLIGHT_UPDATES = "198.51.100.10", "198.51.100.12"
TESSEL, TESSEL_UPDATES, HALDEN = "198.51.100.20", "198.51.100.22", "198.51.100.33"
PORTAL, WORKBENCH = "198.51.100.70", "198.51.100.90"
NIGHT_DESK = "203.0.113.18"

AS_DECLARED = [
    *(Talk(loop, CITY, 8883, "ssl,mqtt", 2, 90_000, 12_000) for loop in block(65, 24)),
    *(Talk(lamp, CITY, 8883, "ssl,mqtt", 1, 40_000, 9_000) for lamp in block(161, 24)),
    *(
        Talk(VIDEO, camera, 554, "rtsp", 2, 60_000, 900_000_000)
        for camera in [*block(97, 6), *block(113, 4), *block(121, 6)]
    ),
    *(Talk(signal, SIGNALS, 20_000, "-", 1, 300_000, 20_000) for signal in [*block(193, 8), *block(209, 4)]),
    Talk(VIDEO, ARCHIVE, 9000, "ssl", 4, 2_000_000_000, 500_000),
    Talk(PLATES, POLICE, 443, "ssl", 24, 700_000, 40_000),
    Talk(ARCHIVE, POLICE, 22, "ssh", 1, 80_000_000, 200_000),
    Talk(LIGHTING, NORTHLIGHT, 443, "ssl", 24, 120_000, 30_000),
    Talk(LIGHTING, NORTHLIGHT_UPDATES, 443, "ssl", 1, 4_000, 28_000_000),
    Talk(SIGNALS, TESSEL, 443, "ssl", 24, 90_000, 20_000),
    Talk(SIGNALS, TESSEL_UPDATES, 443, "ssl", 1, 3_000, 12_000_000),
    Talk(VIDEO, HALDEN, 6000, "-", 24, 15_000, 6_000),
    Talk(CITY, HARBOUR_BACKUP, 22, "ssh", 1, 900_000_000, 300_000),
    Talk(CITY, CLOUD_BACKUP, 22, "ssh", 1, 900_000_000, 300_000),
    Talk(CITY, MIRROR, 443, "ssl", 2, 5_000, 30_000_000),
    Talk(DIRECTORY, CITY, 443, "ssl", 24, 20_000, 8_000),
    Talk(TRANSIT, PORTAL, 443, "ssl", 48, 60_000, 9_000),
    Talk(NIGHT_DESK, LIGHTING, 22, "ssh", 2, 30_000, 90_000),
]

NOT_AS_DECLARED = [
    Talk(
        "192.0.2.101", "203.0.113.200", 443, "ssl", 36, 1_100_000, 14_000
    ),  # a harbour camera, and an address nobody knows
    Talk(NIGHT_DESK, VIDEO, 22, "ssh", 3, 40_000, 700_000),  # the night desk, where it has no access
    Talk(NORTHLIGHT, LIGHTING, 22, "ssh", 1, 25_000, 60_000),  # the lamp maker, from abroad; its access is from GB
    Talk(CITY, WORKBENCH, 80, "http", 24, 200_000, 6_000),  # the planner's extracts, in plain
    Talk("192.0.2.226", CITY, 8883, "ssl,mqtt", 1, 2_000, 1_500),  # a lamp that is only planned
    Talk("203.0.113.150", SIGNALS, 3389, "-", 12, 0, 0, state="REJ"),  # a stranger, turned down
]

EDGE = [  # what the firewall at the edge adds; allowed unless it says otherwise
    Talk("192.0.2.102", "203.0.113.201", 443, "deny", 6, 180, 0),
    Talk(TRANSIT, "203.0.113.53", 123, "allow", 24, 76, 76),
    Talk(LIGHTING, NORTHLIGHT, 443, "allow", 6, 120_000, 30_000),
    Talk(SIGNALS, TESSEL, 443, "allow", 6, 90_000, 20_000),
    Talk("203.0.113.151", CITY, 22, "deny", 9, 120, 0),
]

FIELDS = (
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "orig_bytes", "resp_bytes",
    "conn_state",
)  # fmt: skip


def lines(talks: list[Talk], chance: random.Random) -> list[tuple[float, int, Talk, int, int]]:
    """(when, the source's port, the talk, bytes out, bytes back) of each connection of the day, in order."""
    every = [
        (
            DAY + chance.uniform(0, 86_000),
            chance.randrange(40_000, 60_000),
            talk,
            round(talk.out * chance.uniform(0.9, 1.1)),
            round(talk.back * chance.uniform(0.9, 1.1)),
        )
        for talk in talks
        for _ in range(talk.times)
    ]
    return sorted(every, key=lambda one: one[0])


def zeek(chance: random.Random) -> str:
    out = ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", "#path\tconn"]
    out.append("#fields\t" + "\t".join(FIELDS))
    for number, (when, port, talk, sent, came) in enumerate(lines([*AS_DECLARED, *NOT_AS_DECLARED], chance)):
        row = [f"{when:.6f}", f"C{number:05d}", talk.source, port, talk.destination, talk.port, "tcp", talk.service]
        row += ["-", "-", "-"] if talk.state == "REJ" else [f"{chance.uniform(0.2, 90):.6f}", sent, came]
        out.append("\t".join(map(str, [*row, talk.state])))
    return "\n".join(out) + "\n"


def firewall(chance: random.Random) -> str:
    out = ["time,action,proto,src,src_port,dst,dst_port,bytes_sent,bytes_received"]
    for when, port, talk, sent, came in lines(EDGE, chance):
        proto = "udp" if talk.port == 123 else "tcp"
        at = datetime.fromtimestamp(int(when), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        row = [at, talk.service, proto, talk.source, port, talk.destination, talk.port, sent, came]
        out.append(",".join(map(str, row)))
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    (HERE / "conn.log").write_text(zeek(random.Random(20260302)))  # noqa: S311 - fiction, no secrets
    (HERE / "firewall.csv").write_text(firewall(random.Random(302)))  # noqa: S311
