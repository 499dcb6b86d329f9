"""The signals service: shown the junctions once a second, it wishes stages for them.

Theory of operation
-------------------
Each turn reads what the junctions and their detectors said last (`view`) and whose requests for green are believed (`priority`),
and asks the declared controller for its wishes (`choosing`). What is worth saying becomes proposals (`wishing`); what people
should know, notices and estimates (`telling`), and a board.

    readings -> look -> controller -> wishes -> proposals -> (gate, evidence, signature) -> junction

Safe state: a junction that says nothing, or most of whose lanes are blind, is wished nothing, and follows its own plan.

INVARIANT: pure and total: the same view and memory give the same turn; no reading, however absurd, raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cityward.errors import PlaceError, PlaceErrors
from cityward.place.junctions import Junction
from cityward.services.contract import Turn, View, Window
from cityward.services.signals.board import board
from cityward.services.signals.choosing import CONTROLLERS
from cityward.services.signals.memory import SignalMemory, Still
from cityward.services.signals.priority import requests_in
from cityward.services.signals.seen import JunctionSeen, Wish
from cityward.services.signals.settings import SignalSettings, read_settings, with_junctions
from cityward.services.signals.telling import estimates, notices
from cityward.services.signals.view import Looked, look, street_s
from cityward.services.signals.wishing import proposals_of

ESTIMATE_EVERY_S = 60.0


class Signals:
    """The service, as `services.contract.Service` asks for it. Holds nothing."""

    settings = SignalSettings
    memory = SignalMemory
    example: Mapping[str, Any] = {"junctions": ["old-bridge", "new-bridge"], "watched": ["works-van"]}

    def read_settings(self, raw: Mapping[str, Any], where: str) -> SignalSettings | PlaceError:
        """The settings, or what is wrong with them."""
        return read_settings(raw, where)

    def with_junctions(
        self, settings: SignalSettings, junctions: Mapping[str, Junction], where: str
    ) -> SignalSettings | PlaceErrors:
        """The settings with the junctions that they name."""
        return with_junctions(settings, junctions, where)

    def reads(self, settings: SignalSettings) -> Sequence[str]:
        """The junctions' controllers and detectors, and who may ask for green."""
        made = settings.junctions.values()
        detectors = (unit for one in made for unit in one.detectors)
        return list(dict.fromkeys([*(one.device for one in made), *detectors, *settings.askers]))

    def commands(self, settings: SignalSettings) -> Sequence[str]:
        """The junctions' controllers."""
        return [one.device for one in settings.junctions.values()]

    def windows(self, settings: SignalSettings) -> Sequence[Window]:
        """None."""
        return ()

    def documents(self, settings: SignalSettings) -> Sequence[str]:
        """None."""
        return ()

    def step(self, view: View[SignalSettings], memory: SignalMemory) -> Turn[SignalMemory]:
        """Look, wish, and tell."""
        looked, still = _look(view, memory)
        requests = requests_in(view, memory.asked, memory.desk)
        seen = {
            name: shown
            for name, one in looked.items()
            if (shown := one.seen(requests.believed.get(name, ()))) is not None
        }
        control, wishes = _asked(view, memory, seen)
        proposals, left = proposals_of(view, looked, wishes, memory.left)
        now = street_s(view)
        due = not 0 <= now - memory.estimated_s < ESTIMATE_EVERY_S
        kept = SignalMemory(
            at_s=now,
            controller=view.settings.declared.controller,
            control=control,
            left=left,
            still=still,
            asked=dict(requests.asked),
            desk=requests.desk,
            estimated_s=now if due else memory.estimated_s,
        )
        return Turn(
            kept,
            proposals=proposals,
            estimates=estimates(view, looked) if due else (),
            notices=notices(view, looked, requests.ghosts),
            board=board(view, looked, requests),
        )

    def work(self, body: bytes) -> bytes:
        """It has no jobs."""
        raise ValueError("signals have no slow work")


def _look(view: View[SignalSettings], memory: SignalMemory) -> tuple[dict[str, Looked], dict[str, Still]]:
    looked: dict[str, Looked] = {}
    still: dict[str, Still] = {}
    for name in view.settings.junctions:
        looked[name], its = look(view, name, memory.still)
        still |= its
    return looked, still


def _asked(
    view: View[SignalSettings], memory: SignalMemory, seen: Mapping[str, JunctionSeen]
) -> tuple[dict[str, Any], Mapping[str, Wish]]:
    """The controller's wishes, and what it remembers. What another controller remembered is none of its."""
    name = view.settings.declared.controller
    controller = CONTROLLERS[name]
    kept = memory.control if memory.controller == name else {}
    try:
        before = msgspec.convert(kept, controller.memory)
    except msgspec.ValidationError:
        before = controller.memory()
    junctions = {one: view.settings.junctions[one] for one in seen}
    after, wishes = controller.step(junctions, seen, before, street_s(view))
    return msgspec.to_builtins(after), wishes
