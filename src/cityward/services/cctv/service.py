"""What the cameras' operator needs to know: which camera does not see, what was counted in each hour.

Theory of operation
-------------------
A camera reports what is wrong with it as a number (`insight.sight.seen.TROUBLE_CODES`) and what passed since its last report. One
that reports trouble, or nothing for `silent_s`, is *blind*: a notice stands until it sees again. One of which nothing was ever
heard is *awaited* for as long: it learns what it sees before it says anything. Counts are summed by the hour
from what was admitted; an hour in which a camera was not heard says so, and is no nought.

INVARIANTS
- Pure and total: a missing, stale or doubted reading makes a camera blind, never a fault of the service.
- No picture comes here, and nothing is commanded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from cityward.errors import PlaceError
from cityward.guard.permit import Urgency
from cityward.ids import Id
from cityward.insight.sight.seen import TROUBLE_CODES
from cityward.services.board import Board, Cell, Figure, Line, Shape, Stance, Table
from cityward.services.contract import Notice, Turn, View, Window
from cityward.time import DAY, HOUR, SECOND

TROUBLE = "camera-trouble"
COUNTED = ("pedestrian-count", "vehicle-count")
_WORDS = {float(code): word for word, code in TROUBLE_CODES.items()}


class CctvSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """cameras: devices or groups. silent_s: city seconds without a word, after which a camera counts as blind."""

    cameras: Annotated[tuple[Id, ...], Meta(max_length=200)] = ()
    silent_s: Annotated[int, Meta(ge=10, le=86_400)] = 3600


class Awaited(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cameras of which nothing was ever heard, and since when they are waited for (city us). Bounded by the cameras."""

    since: dict[str, int] = {}


class Cctv:
    """The service, as `services.contract.Service` asks for it."""

    settings = CctvSettings
    memory = Awaited
    example: Mapping[str, Any] = {"cameras": ["quay-cameras"], "silent_s": 1800}

    def read_settings(self, raw: Mapping[str, Any], where: str) -> CctvSettings | PlaceError:
        """The settings, or what is wrong with them."""
        try:
            return msgspec.convert(dict(raw), CctvSettings)
        except msgspec.ValidationError as error:
            return PlaceError(str(error), where=where, mend="see docs/cctv.md")

    def reads(self, settings: CctvSettings) -> Sequence[str]:
        """The cameras."""
        return settings.cameras

    def commands(self, settings: CctvSettings) -> Sequence[str]:
        """None: a camera is not turned from here."""
        return ()

    def windows(self, settings: CctvSettings) -> Sequence[Window]:
        """A day of counts."""
        return tuple(Window(name, counted, DAY) for name in settings.cameras for counted in COUNTED)

    def documents(self, settings: CctvSettings) -> Sequence[str]:
        """None."""
        return ()

    def step(self, view: View[CctvSettings], memory: Awaited) -> Turn[Awaited]:
        """How each camera is, and what was counted."""
        units = view.units(view.settings.cameras)
        since = {unit: min(memory.since.get(unit, view.now_us), view.now_us) for unit in units if _unheard(view, unit)}
        awaited = frozenset(unit for unit, at in since.items() if view.now_us - at <= view.settings.silent_s * SECOND)
        blind = {unit: why for unit in units if unit not in awaited and (why := _why_blind(view, unit))}
        notices = [_notice(unit, why) for unit, why in blind.items()]
        return Turn(Awaited(since=since), notices=notices, board=_board(view, _States(units, blind, awaited)))

    def work(self, body: bytes) -> bytes:
        """It has no jobs."""
        raise ValueError("cctv has no slow work")


@dataclass(frozen=True, slots=True)
class _States:
    """The cameras; why some do not see, and of which nothing was ever heard yet."""

    units: Sequence[str]
    blind: Mapping[str, str]
    awaited: frozenset[str]

    def of(self, unit: str) -> tuple[str, Stance]:
        """In a word, and how good that is."""
        if unit in self.blind:
            return self.blind[unit], "bad"
        return ("not heard yet", "wait") if unit in self.awaited else ("sees", "good")


def _unheard(view: View[CctvSettings], unit: str) -> bool:
    return (unit, TROUBLE) not in view.readings and (unit, TROUBLE) not in view.left_out


def _why_blind(view: View[CctvSettings], unit: str) -> str:
    """What keeps a camera from seeing, in a word; empty: nothing does."""
    doubt = view.left_out.get((unit, TROUBLE))
    if doubt is not None:
        return doubt
    reading = view.fresh(unit, TROUBLE, view.settings.silent_s * SECOND)
    if reading is None:
        return "silent"
    return _WORDS.get(reading.value, "unknown trouble") if reading.value != 0 else ""  # no number is trouble too


def _notice(unit: str, why: str) -> Notice:
    return Notice(
        id=f"blind-{unit}", subject=unit, title=f"{unit} does not see: {why}", urgency=Urgency.ROUTINE,
        do="Look at the camera's page; send somebody where it is covered or re-aimed.", sources=(unit,),
    )  # fmt: skip


def _board(view: View[CctvSettings], states: _States) -> Board:
    units, awaited, blind = states.units, len(states.awaited), len(states.blind)
    sees = len(units) - blind - awaited
    lines = tuple(line for counted in COUNTED if (line := _hours(view, units, counted)).points)
    waits = f"; {awaited} {'has' if awaited == 1 else 'have'} not been heard yet" if awaited else ""
    return Board(
        summary=f"{sees} of {len(units)} cameras see{waits}.",
        figures=(
            Figure(
                label="Cameras that see", value=str(sees), unit=f"of {len(units)}",
                stance="bad" if blind else "wait" if awaited else "good",
            ),
            Figure(label="Do not see", value=str(blind), stance="bad" if blind else "good"),
        ),
        lines=lines,
        tables=(_table(view, states),),
        shapes=tuple(_shape(view, unit, states) for unit in units if unit in view.positions),
    )  # fmt: skip


def _table(view: View[CctvSettings], states: _States) -> Table:
    rows = tuple(
        (
            Cell(text=unit, device=unit),
            Cell(text=word, stance=stance),
            *(Cell(text=_last_hour(view, unit, counted)) for counted in COUNTED),
        )
        for unit in states.units
        for word, stance in [states.of(unit)]
    )
    return Table(title="Cameras", columns=("Camera", "State", "People, last hour", "Vehicles, last hour"), rows=rows)


def _last_hour(view: View[CctvSettings], unit: str, counted: str) -> str:
    series = view.series.get((unit, counted))
    if series is None:
        return "not known"
    inside = series.times > view.now_us - HOUR
    return f"{series.values[inside].sum():.0f}" if inside.any() else "not heard"


def _hours(view: View[CctvSettings], units: Sequence[str], counted: str) -> Line:
    """What all cameras counted in each whole hour of which something was heard."""
    begun = view.now_us // HOUR
    sums: dict[int, float] = {}
    for unit in units:
        series = view.series.get((unit, counted))
        if series is None:
            continue
        hours, place = np.unique(series.times // HOUR, return_inverse=True)
        for hour, total in zip(hours.tolist(), np.bincount(place, series.values).tolist(), strict=True):
            if hour < begun:
                sums[hour] = sums.get(hour, 0.0) + total
    points = tuple((hour * HOUR // 1000, total) for hour, total in sorted(sums.items()))
    return Line(title="People an hour" if counted == COUNTED[0] else "Vehicles an hour", unit="count", points=points)


def _shape(view: View[CctvSettings], unit: str, states: _States) -> Shape:
    return Shape(at=(view.positions[unit],), label=unit, stance=states.of(unit)[1], device=unit)
