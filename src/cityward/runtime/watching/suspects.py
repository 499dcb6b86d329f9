"""Which suspect marks begin and end as the watch's trust in devices changes. Pure: the watch records them, then books them.

A device's rows are suspect from the beginning of what was found, not from when it was found, until it is trusted again. The
mark then has an end and stays: that the device is well now says nothing of what it said before. A person clears it, or retracts
the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from cityward.insight.marks import OPEN, Mark, MarkState, mark_id
from cityward.watch.findings import DeviceStanding, Trust

LONGEST_WHY = 256


def suspect_changes(
    open_marks: Sequence[Mark], standings: Mapping[str, DeviceStanding], began_at: Mapping[str, int], now_us: int
) -> tuple[Sequence[Mark], Sequence[Mark]]:
    """(marks that begin, marks that end now), by device.

    Args:
        open_marks: the suspect marks without an end.
        standings: every device that is not fully trusted.
        began_at: device -> when the earliest of the findings behind its standing began; absent: when it got its standing.
        now_us: city time.
    """
    marked = {mark.device: mark for mark in open_marks}
    begin = [
        _suspect(standing, min(began_at.get(device, standing.since), now_us), now_us)
        for device, standing in sorted(standings.items())
        if standing.state is Trust.QUARANTINED and device not in marked
    ]
    end = [
        msgspec.structs.replace(mark, until=max(now_us, mark.since))
        for device, mark in sorted(marked.items())
        if device not in standings or standings[device].state is Trust.TRUSTED
    ]
    return begin, end


def _suspect(standing: DeviceStanding, since: int, now_us: int) -> Mark:
    why = f"quarantined: {', '.join(standing.because)}" if standing.because else "quarantined"
    return Mark(
        id=mark_id(standing.device, (), since, OPEN, MarkState.SUSPECT),
        device=standing.device,
        since=since,
        until=OPEN,
        state=MarkState.SUSPECT,
        why=why[:LONGEST_WHY],
        person="watch",
        made_at=now_us,
    )
