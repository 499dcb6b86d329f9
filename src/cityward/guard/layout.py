"""What the release gate knows of the declaration: made once, used for every release.

The *grain* of a strand is the shortest period of any cells that the declaration makes of it, for anybody: all longer cells are
made of these (see `cells`). Postures count as far as they make cells of what has none without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from cityward.guard.ladder import rotation_us, step_us, width_m
from cityward.place.holdings import Holdings, holdings
from cityward.place.model import Place
from cityward.place.registry import Registry
from cityward.place.release import Aggregate, Form
from cityward.policy.case import Case, Facts, cases
from cityward.policy.compile import form_of
from cityward.policy.contract import Standing
from cityward.policy.forms import strictest
from cityward.time import DAY, MINUTE, SECOND

SETTLE = 15 * MINUTE
"""How long after its end a cell waits for what comes late. What comes later is in no cell, ever: a cell told once stays as it is.

PRECEDENT: what gateways keep back when their link is gone comes within minutes, or after hours; in between is little to win.
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """See the module. C channels, U units, S strands.

    rank: (C,) the place of a channel by device, then property: the same under any numbering. grain: (S,) us; 0: no cells are
    declared of it. longitude, latitude: (U,) degrees WGS 84, NaN where nothing is declared. words: by field, what is told of each
    channel where the form changes nothing, (C,). settle_us: see `SETTLE`.
    """

    registry: Registry
    holdings: Holdings
    rank: NDArray[np.int64]
    grain: NDArray[np.int64]
    longitude: NDArray[np.float64]
    latitude: NDArray[np.float64]
    words: Mapping[str, tuple[str, ...]]
    settle_us: int


def layout_of(place: Place, registry: Registry, settle_us: int = SETTLE) -> Layout:
    """The layout of a numbered place. Make it anew with the registry."""
    held = holdings(place, registry)
    shortest = _shortest(place)
    grain = [min((shortest[d] for d in strand.datasets if d in shortest), default=0) for strand in held.strands]
    positions = [unit.position or (np.nan, np.nan) for unit in registry.units]
    where = np.array(positions, dtype=np.float64).reshape(-1, 2)
    return Layout(
        registry=registry,
        holdings=held,
        rank=_ranks(registry),
        grain=np.array(grain, dtype=np.int64),
        longitude=where[:, 0],
        latitude=where[:, 1],
        words=_words(registry, where),
        settle_us=settle_us,
    )


def period_us(form: Form) -> int:
    """How long the cells of a form are; 0 where it makes none. Never shorter than its steps of time."""
    return 0 if form.aggregate is None else max(step_us(form.aggregate.period_s), step_us(form.coarsen_time_s))


def moment_us(form: Form) -> int:
    """How finely readings may be asked for by time, us: a question's edges tell what the form hides. 0: to the microsecond."""
    step = step_us(form.coarsen_time_s)
    return max(step, DAY) if "observed_at" in form.drop else step


def as_used(form: Form) -> Form:
    """The form with the numbers that the gate really goes by: steps of the ladder, squares, rotations, and what settles."""
    cells, period, step = form.aggregate, period_us(form), step_us(form.coarsen_time_s)
    nameless = form.pseudonymise and step > 0 and rotation_us(form.rotate_days) % step > 0  # see `forms.hidden_by`
    return Form(
        aggregate=Aggregate(least=cells.least, period_s=period // SECOND) if cells else None,
        coarsen_time_s=0 if cells else step // SECOND,  # in a cell's period already
        coarsen_place_m=0 if cells else width_m(form.coarsen_place_m),
        pseudonymise=form.pseudonymise and not cells and not nameless,
        rotate_days=rotation_us(form.rotate_days) // DAY,
        delay_s=max(form.delay_s, SETTLE // SECOND) if cells else form.delay_s,
        drop=(*form.drop, "device") if nameless and not cells and "device" not in form.drop else form.drop,
        watermark=form.watermark,
    )


def _shortest(place: Place) -> dict[str, int]:
    """Dataset -> the shortest period of its cells."""
    nothing = Standing(frozenset(), frozenset(), frozenset(), {})
    found: dict[str, int] = {}
    for case in cases(Facts(place, nothing, date.min)):
        for form in _forms(case):
            period = period_us(form)
            if period:
                found[case.dataset_id] = min(period, found.get(case.dataset_id, period))
    return found


def _forms(case: Case) -> Iterator[Form]:
    """The form of a case as it stands, and, where that makes no cells, under each posture."""
    try:
        usual = form_of(case)
    except KeyError:  # it names a form that is not declared: the table says no to it
        return
    yield usual
    if usual.aggregate is None:
        names = {posture.form for posture in case.place.postures.values() if posture.form is not None}
        yield from (strictest((usual, case.place.forms[name])) for name in sorted(names) if name in case.place.forms)


def degrees(values: NDArray[np.float64]) -> list[str]:
    """To a millionth of a degree, a tenth of a metre; "" where there is no place."""
    return ["" if v != v else f"{v:.6f}" for v in (np.round(values, 6) + 0.0).tolist()]  # noqa: PLR0124 - it is no number


def _words(registry: Registry, where: NDArray[np.float64]) -> dict[str, tuple[str, ...]]:
    units: list[int] = registry.channel_unit.tolist()
    longitude, latitude = degrees(where[:, 0]), degrees(where[:, 1])
    return {
        "device": tuple(registry.units[u].id for u in units),
        "property": registry.channel_property,
        "unit": registry.channel_unit_symbol,
        "area": tuple(area or "" for area in registry.channel_area),
        "longitude": tuple(longitude[u] for u in units),
        "latitude": tuple(latitude[u] for u in units),
    }


def _ranks(registry: Registry) -> NDArray[np.int64]:
    named = zip(registry.channel_unit.tolist(), registry.channel_property, strict=True)
    keys = [(registry.units[u].id, prop) for u, prop in named]
    rank = np.empty(len(keys), dtype=np.int64)
    rank[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    return rank
