"""The public pages: `/public/` lists what is sensed, `/public/<group>` is where the QR code on a sign leads.

Served without a script, in three languages, from the declaration that the city runs by. INVARIANTS
- Nothing is here that `reach.notices` does not let out, but for newest readings of data that is open and not about people, as one
  figure for all devices of a group that were heard within the hour.
- Nobody can be seen passing: what is counted or timed of people and vehicles is told of several devices together, and not where
  few were counted.
- A page names the declaration that it was made from.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from math import fsum
from typing import Any

import msgspec
import segno
from starlette.responses import HTMLResponse, Response

from cityward.catalogue import PROPERTIES
from cityward.reach.notices import Notice, Notices
from cityward.time import HOUR
from cityward.web.api.pages import PAGES
from cityward.web.problems import Problem
from cityward.web.public.dtpr import chain_of
from cityward.web.public.words import LANGUAGES, TEXTS, chosen, words_of
from cityward.web.routes import JSON, Call, Nothing, Route, route

SVG = "image/svg+xml"
FRESH_US = HOUR  # PRECEDENT: what is older says nothing of now
PASSING = frozenset({"pedestrian-count", "people-waiting", "vehicle-count", "vehicle-speed"})
"""What a single person or vehicle can move."""
LEAST_UNITS = 3
LEAST_COUNTED = 5
"""PRECEDENT: the least cell that offices of statistics print; below it a neighbour knows who it was."""
MOST_UNITS = 2000  # of a group, whose newest readings are read for a page


class LanguageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lang: str = ""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One property of a group now: the mean of `units` newest readings, three figures."""

    title: str
    value: str
    unit: str
    units: int


@route("GET", "/public/", summary="What is sensed here", public=True, query=LanguageQuery, hidden=True)
async def index(call: Call[LanguageQuery]) -> object:
    """All groups, what is about people first."""
    notices = await asyncio.to_thread(call.desk.notices)
    return _page(call, "index.html", notices, here="/public/")


@route("GET", "/public/{group}", summary="What a group senses", public=True, query=LanguageQuery, hidden=True)
async def group(call: Call[LanguageQuery]) -> object:
    """One group: what, why, by whom, for how long, for whom, under whose law, and how to object."""
    notices = await asyncio.to_thread(call.desk.notices)
    try:
        notice = _found(notices, call.path("group"))
    except Problem as gone:  # a sign may outlive what it told of
        return _page(call, "index.html", notices, gone.status, here="/public/", missing=True)
    samples = await asyncio.to_thread(_samples, call, notice)
    return _page(call, "group.html", notices, here=f"/public/{notice.id}", one=notice, samples=samples)


@route("GET", "/public/{group}/sign.svg", summary="The QR code of a group's page", public=True, answer_media=SVG)
async def sign(call: Call[Nothing]) -> object:
    """For a sign on the street: it leads to the page of the group, at the address that was asked."""
    notice = _found(await asyncio.to_thread(call.desk.notices), call.path("group"))
    base = str(call.request.url).partition("/public/")[0]
    drawn = io.BytesIO()
    # PRECEDENT: error correction M and a quiet zone of four, as signs in the open are printed
    segno.make_qr(f"{base}/public/{notice.id}", error="m").save(drawn, kind="svg", border=4, scale=8, xmldecl=False)
    return Response(drawn.getvalue(), media_type=SVG)


@route("GET", "/api/public/notices", summary="What is sensed here and why, for anybody", public=True, answer=Notices)
async def as_data(call: Call[Nothing]) -> object:
    """The same as the pages."""
    return await asyncio.to_thread(call.desk.notices)


@route("GET", "/api/public/dtpr", summary="The same in the categories of DTPR", public=True)
async def as_dtpr(call: Call[Nothing]) -> object:
    """One data chain for each group."""
    notices = await asyncio.to_thread(call.desk.notices)
    return Response(msgspec.json.encode(chain_of(notices)), media_type=JSON)


def _found(notices: Notices, name: str) -> Notice:
    found = next((one for one in notices.notices if one.id == name), None)
    if found is None:
        raise Problem(404, "not-found", "nothing of that name is sensed here")
    return found


def _samples(call: Call[Any], notice: Notice) -> tuple[Sample, ...]:
    """What is open of a group that senses nothing about people; else nothing."""
    if notice.personal:
        return ()
    doors = call.desk.doors
    datasets = doors.place.datasets
    open_ = {name for kept in notice.data if kept.open for name in datasets[kept.id].properties}
    units = [doors.registry.units[unit].id for unit in call.desk.groups.get(notice.id, ())][:MOST_UNITS]
    by_property: dict[str, list[float]] = {}
    now_us = doors.city_now_us()
    for one in doors.state.latest_of(units):
        if abs(now_us - one.observed_at) <= FRESH_US:
            by_property.setdefault(one.property, []).append(one.value)
    shown = by_property.keys() & open_
    return tuple(
        _sample(name, by_property[name])
        for name in notice.properties
        if name in shown and _hides(name, by_property[name])
    )


def _hides(name: str, values: Sequence[float]) -> bool:
    """Whether nobody who passes can be seen in it."""
    if name not in PASSING:
        return True
    few = PROPERTIES[name].unit == "count" and fsum(values) < LEAST_COUNTED
    return len(values) >= LEAST_UNITS and not few


def _sample(name: str, values: Sequence[float]) -> Sample:
    mean = fsum(values) / len(values)
    return Sample(title=PROPERTIES[name].title, value=f"{mean:.3g}", unit=PROPERTIES[name].unit, units=len(values))


def _page(call: Call[LanguageQuery], template: str, notices: Notices, status: int = 200, **values: object) -> Response:
    language = chosen(call.query.lang, call.request.headers.get("accept-language", ""))
    page = PAGES.get_template(f"public/{template}").render(
        t=words_of(language),
        language=language,
        languages=[(one, TEXTS[one]["language"]) for one in LANGUAGES],
        notices=notices,
        titles={name: prop.title for name, prop in PROPERTIES.items()},
        **values,
    )
    return HTMLResponse(page, status, headers={"content-language": language, "vary": "accept-language"})


ROUTES: tuple[Route[Any], ...] = (index, sign, group, as_data, as_dtpr)
