"""What a Chromium trace says of a page's main thread: how long each second kept it, and with what.

Times are exclusive: what stands inside another event counts for the inner one, and belongs to the innermost class that is known.
Thread time (`tdur`) is processor time of the thread, and says more than the wall's where other work runs on the machine.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CATEGORIES = ("devtools.timeline", "disabled-by-default-devtools.timeline")
SECOND = 1_000_000  # of a trace: us

SCRIPT, MAP, LAYOUT, PAINT, REST = "script", "drawing the map", "style and layout", "paint and handing over", "rest"
CLASSES = (SCRIPT, MAP, LAYOUT, PAINT, REST)
_CLASS = {
    **dict.fromkeys(("FunctionCall", "EvaluateScript", "RunMicrotasks", "TimerFire", "EventDispatch"), SCRIPT),
    **dict.fromkeys(("HandlePostMessage", "v8.run", "V8.GCScavenger", "MinorGC", "MajorGC"), SCRIPT),
    "FireAnimationFrame": MAP,  # nobody else on this page asks for one
    **dict.fromkeys(("UpdateLayoutTree", "Layout", "ParseHTML"), LAYOUT),
    **dict.fromkeys(("PrePaint", "Paint", "Layerize", "Commit", "UpdateLayer", "RasterTask"), PAINT),
}


@dataclass(frozen=True, slots=True)
class Span:
    """One complete event of the main thread, in us."""

    name: str
    at: int
    wall: int
    thread: int


def main_thread(events: Sequence[dict[str, Any]]) -> list[Span]:
    """The events of the busiest renderer's main thread, in order. Empty: there is none."""
    names = {
        (e["pid"], e["tid"])
        for e in events
        if e.get("name") == "thread_name" and e.get("args", {}).get("name") == "CrRendererMain"
    }
    of: dict[tuple[int, int], list[Span]] = defaultdict(list)
    for e in events:
        key = (e.get("pid", 0), e.get("tid", 0))
        if e.get("ph") == "X" and key in names:
            of[key].append(Span(e["name"], e["ts"], e.get("dur", 0), e.get("tdur", 0)))
    if not of:
        return []
    return sorted(max(of.values(), key=lambda spans: sum(s.thread for s in spans)), key=lambda s: (s.at, -s.wall))


def by_second(spans: Sequence[Span], since: int, seconds: int) -> list[Counter[str]]:
    """For each second from `since` (us): class -> thread ms spent in it, exclusive of what stands inside."""
    found = [Counter[str]() for _ in range(seconds)]
    open_: list[tuple[Span, str, int]] = []  # (event, its class, thread us of the events inside)

    def leave() -> None:
        span, kind, inside = open_.pop()
        second = (span.at - since) // SECOND
        if 0 <= second < seconds:
            found[second][kind] += max(0, span.thread - inside)
        if open_:
            outer, outer_kind, before = open_.pop()
            open_.append((outer, outer_kind, before + span.thread))

    for span in spans:
        while open_ and open_[-1][0].at + open_[-1][0].wall <= span.at:
            leave()
        kind = _CLASS.get(span.name, open_[-1][1] if open_ else REST)
        if open_ and open_[-1][1] == MAP and kind == SCRIPT:
            kind = MAP  # what a frame of the map calls is the map's
        open_.append((span, kind, 0))
    while open_:
        leave()
    return [Counter({kind: us / 1000 for kind, us in second.items()}) for second in found]
