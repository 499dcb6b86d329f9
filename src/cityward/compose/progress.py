"""What the roles of a running city count, left in small files beside its stores and read by whoever shows metrics.

A role writes what it did since its start, once a second: counts and words, never values, devices or people. The files are a
convenience: one that is torn, missing or of a role that ended counts nothing, and nothing waits for one.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from cityward.compose.setting import Setting
from cityward.place.registry import Registry
from cityward.place.services import Priority
from cityward.runtime.ports import BarRow, RoleCounts

SERVICE_PROGRESS, SIGNALS_PROGRESS = "service.progress.json", "signals.progress.json"
FORECASTS_PROGRESS = "forecasts.progress.json"
OUTWARD = ".outward.json"  # behind a role's name: what it opened to elsewhere
TELL_S = 1.0
T = TypeVar("T")


def worker_progress(by: str) -> str:
    """The file of one worker (`worker-0`)."""
    return f"{by}.progress.json"


def write_progress(path: Path, progress: object) -> None:
    """Written whole; not at all where the disk does not take it: that is no reason to stop."""
    draft = path.with_suffix(".new")
    with contextlib.suppress(OSError):
        draft.write_bytes(msgspec.json.encode(progress))
        draft.replace(path)


@asynccontextmanager
async def told_each_second(path: Path, progress: Callable[[], object]) -> AsyncGenerator[None]:
    """Leave the progress in this file for as long as this is open, and once more at its end."""

    async def tell() -> None:
        while True:
            write_progress(path, progress())
            await asyncio.sleep(TELL_S)

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
        write_progress(path, progress())


class _Worker(msgspec.Struct, frozen=True):
    """What of a worker's progress is read here."""

    classes: dict[str, dict[str, int]] = {}


class _Link(msgspec.Struct, frozen=True):
    """What of one exit's connections is read here."""

    opened: int = 0
    closed: int = 0
    failed: int = 0
    refused: int = 0
    cut: int = 0


class _Links(msgspec.Struct, frozen=True):
    """What of a door outward is read here, by exit."""

    exits: dict[str, _Link] = {}


class _Forecasts(msgspec.Struct, frozen=True):
    """What of the declared forecasts' progress is read here."""

    turns: int = 0
    said: int = 0
    silent: int = 0
    scored: int = 0
    given_up: int = 0
    not_begun: int = 0
    again: int = 0
    link_errors: int = 0
    faults: int = 0


class _Service(msgspec.Struct, frozen=True):
    """What of the services' progress is read here."""

    proposed: int = 0
    shed: int = 0
    sent: int = 0
    acknowledged: int = 0
    rejected: int = 0
    timed_out: int = 0
    refused: dict[str, int] = {}
    left_out: dict[str, int] = {}
    made_safe: int = 0
    plans: dict[str, int] = {}
    plans_refused: dict[str, int] = {}
    jobs: dict[str, int] = {}
    faults: dict[str, int] = {}
    notices: dict[str, int] = {}
    memory_bytes: dict[str, int] = {}
    turn_shed: dict[str, int] = {}


def role_counts(setting: Setting) -> RoleCounts:
    """What all roles told last, and who is barred now.

    Raises:
        LinkError: the state store does not answer.
    """
    root, workers = setting.home.root, range(setting.city.workers)
    service = _both(*(_read(root / name, _Service) for name in (SERVICE_PROGRESS, SIGNALS_PROGRESS)))
    forecasts = msgspec.structs.asdict(_read(root / FORECASTS_PROGRESS, _Forecasts))
    latest = {word: forecasts.pop(word) for word in ("said", "silent")}
    return RoleCounts(
        classes=_added(_read(root / worker_progress(f"worker-{n}"), _Worker).classes for n in workers),
        barred=barred_by_class(setting.state.bars(), setting.registry, time.time_ns() // 1000),
        commands={
            "proposed": service.proposed,
            "shed": service.shed,
            "sent": service.sent,
            "acknowledged": service.acknowledged,
            "rejected": service.rejected,
            "timed-out": service.timed_out,
        },
        commands_refused=service.refused,
        left_out=service.left_out,
        made_safe=service.made_safe,
        plans=service.plans,
        plans_refused=service.plans_refused,
        jobs=service.jobs,
        service_faults=service.faults,
        service_notices=service.notices,
        service_memory_bytes=service.memory_bytes,
        turn_parts_shed=service.turn_shed,
        outward=outward_counts(root),
        forecasts={word: count for word, count in forecasts.items() if count},
        forecasts_now=latest if forecasts["turns"] else {},
    )


def _both(one: _Service, other: _Service) -> _Service:
    """What two runners did, counted together."""
    first, second = msgspec.structs.asdict(one), msgspec.structs.asdict(other)
    return _Service(**{name: _sum(first[name], second[name]) for name in first})


def _sum(one: Any, other: Any) -> Any:
    return dict(Counter(one) + Counter(other)) if isinstance(one, dict) else one + other


def outward_counts(root: Path) -> Mapping[tuple[str, str], int]:
    """(exit, opened | closed | failed | refused | cut) -> how many, of all roles that call elsewhere."""
    found: dict[tuple[str, str], int] = {}
    for path in sorted(root.glob(f"*{OUTWARD}")):
        for by, link in _read(path, _Links).exits.items():
            found.update({(by, word): count for word, count in msgspec.structs.asdict(link).items()})
    return found


def barred_by_class(rows: Iterable[BarRow], registry: Registry, now_us: int) -> Mapping[tuple[str, str], int]:
    """(class, why) -> devices that a bar holds at this moment of the machine's time."""
    held = {
        (row.device, row.why)
        for row in rows
        if row.from_us <= now_us and (row.until_us is None or now_us < row.until_us)
    }
    known = ((registry.unit_index[device], why) for device, why in held if device in registry.unit_index)
    return Counter((Priority(int(registry.unit_priority[unit])).word, why) for unit, why in known)


def _added(classes: Iterable[Mapping[str, Mapping[str, int]]]) -> Mapping[str, Mapping[str, int]]:
    out: dict[str, Counter[str]] = {}
    for one in classes:
        for name, words in one.items():
            out.setdefault(name, Counter()).update(words)
    return out


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return kind()
