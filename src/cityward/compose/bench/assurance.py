"""`cityward bench assurance`: how long all controls take over big made-up places with a log, and how that grows.

The place is the one of `cityward bench reach` (districts of devices, gateways, suppliers, laws), with flows of its own through
the platform until there are three for each asset, roles and recipients; the log has some entries of each kind for each asset.
Every place is made by its size alone. Times are processor seconds of the one core that is used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from msgspec import structs

from cityward.adapters.bench.big_place import big_place
from cityward.assurance.concluding import conclude
from cityward.assurance.control import Control, Dossier
from cityward.assurance.controls import find_controls
from cityward.assurance.trail import Trail
from cityward.evidence.records import (
    Admission,
    AnyRecord,
    Attested,
    CommandIssued,
    CommandOutcome,
    Exercised,
    Found,
    Granted,
    Heartbeat,
    Marked,
    Release,
    Standing,
)
from cityward.place.data import Flow, Observability
from cityward.place.digests import digests_of_subjects
from cityward.place.loader import Loaded, digest_of
from cityward.place.model import Place
from cityward.place.release import Recipient
from cityward.place.roles import Right, Role
from cityward.time import DAY, HOUR, MINUTE

NOW_US = 1_800_000_000_000_000
PER_DISTRICT = 8.36  # assets, on average
FLOWS_PER_ASSET = 3
BATCHES = 200  # admissions; each holds a share of the flows
PLATFORM, COUNCIL = "cityward", "council"
DIGEST = "0" * 64


@dataclass(frozen=True, slots=True)
class Sized:
    """What one size cost. controls: seconds of each; shared_s: what they share (reach, units, exercises)."""

    assets: int
    flows: int
    entries: int
    subjects: int
    fold_s: float
    shared_s: float
    controls: dict[str, float]

    @property
    def seconds(self) -> float:
        """All of it, the fold of the log apart: that is paid once for a report, whatever is asked."""
        return self.shared_s + sum(self.controls.values())


def run_bench_assurance(assets: int, tell: Callable[[str], None]) -> list[Sized]:
    """A quarter, a half, and all of so many assets."""
    found: list[Sized] = []
    controls = find_controls()
    for size in (assets // 4, assets // 2, assets):
        tell(f"a place of {size:,} assets")
        found.append(measure(size, controls))
    return found


def growth(sizes: Sequence[Sized]) -> list[float]:
    """How many times the seconds, for each doubling: 2 is in step with the size."""
    return [after.seconds / before.seconds for before, after in pairwise(sizes)]


def measure(assets: int, controls: Mapping[str, Control]) -> Sized:
    """Every control over one place."""
    place = place_of(assets)
    origins = {"": ("place.yaml", 1)}
    loaded = Loaded(place, origins, (), digest_of(place))
    entries = list(log_of(place, loaded.digest))
    began = time.process_time()
    dossier = Dossier(loaded, Trail(entries), NOW_US)
    folded = time.process_time()
    _ = dossier.exposure, dossier.units, dossier.attacked, dossier.receipts
    shared = time.process_time()
    seconds, subjects = dict[str, float](), 0
    for name, control in controls.items():
        before = time.process_time()
        subjects += len(conclude(control, dossier).subjects)
        seconds[name] = time.process_time() - before
    return Sized(
        assets=len(place.systems) + len(place.devices),
        flows=len(place.flows),
        entries=len(entries),
        subjects=subjects,
        fold_s=folded - began,
        shared_s=shared - folded,
        controls=seconds,
    )


def place_of(assets: int) -> Place:
    """A place of about so many systems and devices, and three times as many flows."""
    place = big_place(max(5, round(assets / PER_DISTRICT)), seed=1)
    wanted = FLOWS_PER_ASSET * (len(place.systems) + len(place.devices)) - len(place.flows)
    raw = {place.flows[name].from_: place.flows[name].datasets[0] for name in place.flows if name.startswith("up-")}
    names, datasets = list(place.devices), list(place.datasets)
    flows = dict(place.flows)
    for n in range(max(0, wanted)):
        device = names[n % len(names)]
        flows[f"direct-{n}"] = Flow(
            from_=device,
            to=PLATFORM,
            datasets=(raw.get(device, datasets[n % len(datasets)]),),
            purpose="running-the-city",
            protocol="mqtt",
            observability=Observability.ENFORCED,
        )
    outward = [name for name in place.flows if name.startswith("out-")]
    recipients = {
        f"recipient-{name}": Recipient(
            party=place.flows[name].to,
            flows=(name,),
            by="query",
            addresses=("192.0.2.0/28",),
            jurisdiction="home-north",
        )
        for name in outward
    }
    roles = {
        f"role-{n}": Role(party=party, rights=(Right.OPERATE,), services=(service,), standing=False)
        for n, (party, service) in enumerate(zip(place.parties, (*place.services, *place.services), strict=False))
    }
    return structs.replace(place, flows=flows, recipients=recipients, roles=roles)


def log_of(place: Place, digest: str) -> Iterator[tuple[str, AnyRecord]]:
    """Entries in proportion to the place, oldest first by kind."""
    makers = (_admissions, _of_devices, _of_services, _outward, _exercises)
    for n, record in enumerate(record for make in makers for record in make(place, digest)):
        yield f"bench:{n}", record


def _admissions(place: Place, digest: str) -> Iterator[AnyRecord]:
    flows = [name for name, flow in place.flows.items() if flow.observability is Observability.ENFORCED]
    for n in range(BATCHES):
        mine = flows[n % 10 :: 10]
        by_flow: dict[str, tuple[int, int, int, int]] = dict.fromkeys(mine, (10, 9, 1, 0))
        yield Admission(
            at=NOW_US - (BATCHES - n) * MINUTE, by="worker-0", stream="in", partitions=(0,), first_seq=n * 10 + 1,
            last_seq=n * 10 + 10, received=10 * len(mine), admitted=9 * len(mine), shed=0,
            refused={"out-of-range": len(mine)}, by_flow=by_flow,
            by_reason={name: {"out-of-range": 1} for name in mine}, digest=DIGEST, declaration=digest,
        )  # fmt: skip
        yield Heartbeat(at=NOW_US - (BATCHES - n) * MINUTE, by="worker-0", gate="admit-0", beat=n + 1, decided={})


def _of_devices(place: Place, digest: str) -> Iterator[AnyRecord]:
    for n, name in enumerate(place.devices):
        unit, at = f"{name}-01", NOW_US - DAY + n
        if n % 3 == 0:
            yield Found(
                at=at, by="watch", finding=f"f{n}", detector="limits", what="", subject=unit, property="lamp-level",
                severity="high", phase="began", began_at=at, score=9.0, incident=f"i{n}", facts={},
            )  # fmt: skip
            yield Standing(at=at, device=unit, by="watch", trust=0.2, state="quarantined", because=(f"f{n}",))
            yield Marked(
                at=at, by="watch", mark=f"m{n}", device=unit, properties=("lamp-level",), since=0, until=1,
                state="suspect", why="", rows=1, digest=DIGEST, person="",
            )  # fmt: skip


def _of_services(place: Place, digest: str) -> Iterator[AnyRecord]:
    """Commands in proportion to the devices: five for each."""
    services = list(place.services.items())
    for n in range(5 * len(place.devices)):
        name, service = services[n % len(services)]
        device = f"{service.actuators[n % len(service.actuators)]}-01"
        at = NOW_US - HOUR + n
        yield CommandIssued(
            at=at, by="service", command_id=f"c{n}", service=name, device=device, command="dim", value=40,
            cause={"because": "dusk"}, sources=(device,),
        )  # fmt: skip
        yield CommandOutcome(at=at, by="service", command_id=f"c{n}", device=device, outcome="acknowledged", level=40)


def _outward(place: Place, digest: str) -> Iterator[AnyRecord]:
    for n, (name, recipient) in enumerate(place.recipients.items()):
        flow = place.flows[recipient.flows[0]]
        for again in range(10):
            yield Release(
                at=NOW_US - HOUR + n + again, by="release", recipient=name, party=recipient.party, flow=recipient.flows[0],
                agreement=flow.agreement or "", datasets=flow.datasets, purpose=flow.purpose, way="query",
                to="192.0.2.0/28", form={}, since=0, until=1, rows=3, units=1, units_digest=DIGEST, digest=DIGEST,
                withheld={}, rules=DIGEST, posture="", declaration=digest,
            )  # fmt: skip


def _exercises(place: Place, digest: str) -> Iterator[AnyRecord]:
    groups = list(place.devices)
    for n in range(len(groups) // 10):
        subjects = tuple(f"devices.{name}" for name in groups[n :: len(groups) // 10])
        services = (list(place.services)[n % len(place.services)],)
        declared = digests_of_subjects(place, (f"services.{services[0]}", *subjects))
        yield Exercised(
            at=NOW_US - DAY, by="exercise", scenario=f"S-{n % 25 + 1:02d}", seed=7, met=("refused",), missed=(), score={},
            services=services, subjects=subjects, declaration=DIGEST if n % 2 else digest, person="ada",
            declared=declared,
        )  # fmt: skip
    for n, role in enumerate(place.roles):
        yield Granted(
            at=NOW_US - DAY, by="people", grant=f"g{n}", person=f"p{n % 7}", role=role, step="given", by_whom="ada",
            reason="", until=NOW_US + DAY,
        )  # fmt: skip
    for n, function in enumerate(place.functions):
        yield Attested(
            at=NOW_US - DAY, by="web", control="R-02", subject=f"functions.{function}", person="ada", said="rehearsed",
            scope="", until=NOW_US + DAY + n,
        )  # fmt: skip
