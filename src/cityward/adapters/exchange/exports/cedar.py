"""The rules of release as Cedar policies, with their entities and schema: for other tools to read, and to ask.

As the declaration stands by itself: nobody revoked, nothing pending, no posture in force. Policies and schema are lists of lines;
docs/policy.md shows how to hand them to Cedar.

Source: the Cedar policy language 4 (docs.cedarpolicy.com).
"""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from cityward.adapters.exchange.exports.contract import Format, Subject
from cityward.adapters.exchange.exports.texts import as_json, stamp
from cityward.place.model import Place
from cityward.policy.cedar import SCHEMA, entities_of, policies_of
from cityward.policy.contract import Standing
from cityward.reach.effective import lands_of

FORMAT = Format("cedar", "Cedar: the rules of release", ".cedar.json", "application/json", ("at",))


def write(subject: Subject) -> bytes:
    """Schema, policies and entities in one document. On the day of `at`; without one, every site is taken to stand."""
    place = subject.loaded.place
    today = subject.at.date() if subject.at else date.max
    standing = Standing(frozenset(), frozenset(), frozenset(), lands_of(place))
    document: dict[str, Any] = {
        "place": place.place,
        "declaration": subject.loaded.digest,
        "at": stamp(subject.at) if subject.at else None,
        "schema": SCHEMA.splitlines(),
        "policies": policies_of(place, standing).splitlines(),
        "entities": entities_of(
            place if subject.at else _undated(place), standing, today, ZoneInfo(place.timezone or "UTC")
        ),
    }
    return as_json(document)


def _undated(place: Place) -> Place:
    sites = {name: replace(site, valid_from=None, valid_to=None) for name, site in place.sites.items()}
    return replace(place, sites=sites)
