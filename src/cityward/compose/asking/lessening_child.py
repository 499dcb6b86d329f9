"""Finds the cheapest steps against one answer: `python -m cityward.compose.asking.lessening_child lessening SECONDS`.

The question comes in on standard input (`Wanted`, msgpack), the answer goes out on the standard output (`Lessened`, msgpack;
its lines are dotted paths). It bounds itself before it reads; it needs no network and no file of the city. See `lessening`.
"""

from __future__ import annotations

import sys

import msgspec

from cityward.adapters.works.child import give_up_resources
from cityward.place.model import Place
from cityward.reach.blast.subjects import Subject
from cityward.reach.whatif.asking import How, Ready
from cityward.reach.whatif.lessening import lessened


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question about a place as it is on a day."""

    place: Place
    how: How
    subject: Subject


def main(arguments: list[str]) -> int:
    """Answer one question."""
    give_up_resources(float(arguments[1]))
    wanted = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Wanted)
    found = lessened(Ready(wanted.place), wanted.how, wanted.subject, str)
    sys.stdout.buffer.write(msgspec.msgpack.encode(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
