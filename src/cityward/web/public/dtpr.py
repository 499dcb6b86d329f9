"""A notice in the categories of DTPR (Digital Trust for Places and Routines), which tells the public what a technology does.

SPEC: DTPR's categories (accountable, purpose, technology, data type, process, access, storage, retention; CC BY 4.0). Ids of its
taxonomy are not used: which of them fits is a person's judgement; each element here is in the city's own words.
"""

from __future__ import annotations

from cityward.reach.notices import Notice, Notices


def chain_of(notices: Notices) -> dict[str, object]:
    """All notices of a place, each as one data chain."""
    return {
        "place": notices.name,
        "declaration": f"sha256:{notices.declaration}",
        "datachains": [_chain(notices, one) for one in notices.notices],
    }


def _chain(notices: Notices, one: Notice) -> dict[str, object]:
    responsible = one.owner or notices.responsible
    return {
        "id": one.id,
        "title": one.name,
        "elements": {
            "accountable": [responsible.name] if responsible is not None else ["not known"],
            "purpose": list(one.purposes),
            "technology": ["camera" if one.cameras else "sensor" if one.properties else "actuator"],
            "data-type": [*(["about people"] if one.personal else []), *(kept.name for kept in one.data)],
            "process": [*(["pictures are covered and counted"] if one.cameras else [])],
            "access": [receiver.who.name or "not known" for receiver in one.receivers],
            "storage": [f"{land.code} ({land.reached.value})" for land in one.lands],
            "retention": [
                f"{kept.name}: {'not known' if kept.days is None else f'{kept.days} days'}" for kept in one.data
            ],
        },
    }
