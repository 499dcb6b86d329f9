"""What holds now for everybody who receives: the table, how rows are laid out, from where each may ask, and what is followed.

A value: whoever keeps it makes another one when the standing changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityward.guard.layout import Layout, as_used
from cityward.place.model import Place
from cityward.policy.contract import Decision, Request
from cityward.policy.forms import words_of
from cityward.policy.origins import Origins, origins_of
from cityward.policy.table import Table, decide

DECLARED = 0
"""The origin of what leads to an endpoint: `adapters.outward` holds it to the declared addresses when it is opened, and the door
holds a live recipient to them when it connects."""


@dataclass(frozen=True, slots=True, order=True)
class Lane:
    """One dataset for one purpose to one recipient: what one decision is about."""

    recipient: str
    dataset: str
    purpose: str

    @property
    def name(self) -> str:
        """Among the lanes of its recipient."""
        return f"{self.dataset}/{self.purpose}"


@dataclass(frozen=True, slots=True)
class ReleaseRules:
    """See the module. `lanes`: of each recipient, in order."""

    place: Place
    declaration: str
    table: Table
    layout: Layout
    origins: Mapping[str, Origins]
    lanes: Mapping[str, tuple[Lane, ...]]

    def decide(self, lane: Lane, at: int, origin: int = DECLARED) -> Decision:
        """May it leave, now?"""
        return decide(Request(lane.recipient, lane.dataset, lane.purpose, origin, at), self.table)

    def still_fine(self, lane: Lane, form: Mapping[str, str], at: int) -> str:
        """Why what was put into a form may leave no more; "" where it may."""
        now = self.decide(lane, at)
        if not now.allowed:
            return " ".join(now.reasons)
        return "" if words_of(as_used(now.form)) == form else "another-form"


def delivery_name(receipt: str) -> str:
    """The name under which the rows of a receipt are sent: the same in every try, safe in headers, paths and subjects.

    >>> delivery_name("release:17")
    'release-17'
    """
    return receipt.replace(":", "-").replace("/", "-")


def rules_of(place: Place, declaration: str, table: Table, layout: Layout) -> ReleaseRules:
    """The rules of a compiled table."""
    lanes: dict[str, list[Lane]] = {name: [] for name in place.recipients}
    for recipient, dataset, purpose in sorted(table.rows):
        lanes.setdefault(recipient, []).append(Lane(recipient, dataset, purpose))
    return ReleaseRules(
        place=place,
        declaration=declaration,
        table=table,
        layout=layout,
        origins={name: origins_of(one) for name, one in place.recipients.items()},
        lanes={name: tuple(some) for name, some in lanes.items()},
    )
