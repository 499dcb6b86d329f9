"""A city for tests of reports: the small town of the controls' examples, with signed logs, and nothing of it running."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import structs

from cityward.adapters.keys.authority import signing_key
from cityward.adapters.ledgers.files import FileLedger
from cityward.assurance.examples import NOW_US, TOWN, admission, declared_now
from cityward.compose.home import Home, write_city_file
from cityward.evidence.records import AnyRecord
from cityward.guard.admit import UNDECLARED
from cityward.place.loader import load
from cityward.time import DAY
from towns import stopped_city

SMALLTOWN = TOWN.partition("services:")[0]
"""Without its service, whose settings a whole city would ask for."""

AT = "2027-01-15T08:00:00Z"
"""`NOW_US` as people write it; the town's own clock is beyond it."""

ENTRIES: Mapping[str, Sequence[AnyRecord]] = {
    "worker-0": (admission("counts-in", 5), admission(UNDECLARED, 0, 7, "unknown-device")),
}


def assured_town(
    folder: Path, entries: Mapping[str, Sequence[AnyRecord]] = ENTRIES, declaration: str = SMALLTOWN
) -> Path:
    """The state directory of the town; log -> what is in it."""
    place, home = folder / "place", Home(folder / "state")
    place.mkdir(parents=True)
    (place / "place.yaml").write_text(declaration)
    home.prepare()
    # a day beyond, whenever it runs: statements and reviews grow old
    write_city_file(home, structs.replace(stopped_city(place), clock=(time.time_ns() // 1000, NOW_US + DAY, 1.0)))
    digest = load("place.yaml", {"place.yaml": declaration.encode()}.__getitem__).digest
    for role, records in entries.items():
        with FileLedger(home.ledger(role), f"smalltown/{role}", signing_key(home.keys, f"ledger-{role}")) as ledger:
            ledger.append([declared_now(record, digest) for record in records])
    return home.root
