"""An admission that is too big for one entry, in several; and those as one again.

A batch may touch more flows than an entry of the log has room for. What does not fit stands in `AdmissionPart`s right before the
admission, in the same append. The admission is what counts: parts that none follows, after a crash, say nothing.

INVARIANT: `joined(split(admission)) == admission`, and no entry of a split is longer than `MOST` and one flow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from cityward.evidence.records import Admission, AdmissionPart, AnyRecord, encode

MOST = 48 * 1024
"""Bytes of an entry's counts. An entry holds 65 535; one flow takes some 80, with every reason there is about 2,000."""


def split(admission: Admission) -> tuple[AdmissionPart | Admission, ...]:
    """The entries to write, in their order; the admission itself is the last, and the only one where it fits."""
    if len(encode(admission)) <= MOST:
        return (admission,)
    *others, last = [*_portions(admission)]
    parts = [_part(admission, flows) for flows in others]
    rest = msgspec.structs.replace(
        admission,
        by_flow={flow: admission.by_flow[flow] for flow in last},
        by_reason=_of(admission.by_reason, last),
        parts=len(parts),
    )
    return (*parts, rest)


def joined(entries: Iterable[tuple[str, AnyRecord]]) -> Iterator[tuple[str, Admission]]:
    """The admissions among entries of a log (in its order), whole again, under the ids of the last entry of each.

    One whose first parts lie before the first entry given is left out: it is not whole.
    """
    before: list[AdmissionPart] = []
    for entry, record in entries:
        if isinstance(record, AdmissionPart):
            before.append(record)
            continue
        if isinstance(record, Admission) and len(before) >= record.parts:
            yield entry, _whole(before[len(before) - record.parts :], record)
        before.clear()


def _whole(parts: Sequence[AdmissionPart], last: Admission) -> Admission:
    by_flow, by_reason = dict(last.by_flow), dict(last.by_reason)
    for part in parts:
        by_flow |= part.by_flow
        by_reason |= part.by_reason
    return msgspec.structs.replace(last, by_flow=by_flow, by_reason=by_reason)


def _portions(admission: Admission) -> Iterator[list[str]]:
    """The flows, as many at a time as fit."""
    portion, weight = list[str](), 0
    for flow, counts in admission.by_flow.items():
        size = len(msgspec.json.encode(({flow: counts}, _of(admission.by_reason, [flow]))))
        if portion and weight + size > MOST:
            yield portion
            portion, weight = [], 0
        portion.append(flow)
        weight += size
    yield portion


def _of(by_reason: dict[str, dict[str, int]], flows: Sequence[str]) -> dict[str, dict[str, int]]:
    return {flow: by_reason[flow] for flow in flows if flow in by_reason}


def _part(admission: Admission, flows: Sequence[str]) -> AdmissionPart:
    return AdmissionPart(
        at=admission.at,
        by=admission.by,
        stream=admission.stream,
        first_seq=admission.first_seq,
        last_seq=admission.last_seq,
        by_flow={flow: admission.by_flow[flow] for flow in flows},
        by_reason=_of(admission.by_reason, flows),
    )
