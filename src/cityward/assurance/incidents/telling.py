"""An incident file in words: Markdown for a mail, HTML for a printer. No script, nothing fetched.

SECURITY: texts of people and of the street stand in it: each is made harmless, and escaped for its form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from cityward.assurance.incidents.account import Account
from cityward.assurance.incidents.affected import Given, Spoiled
from cityward.assurance.incidents.clocks import Clock
from cityward.text import harmless
from cityward.time import HOUR, iso

_MARKS = re.compile(r"([\\`*_{}\[\]<>|#!~&])")

Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]
"""A heading, the names of the columns, and the rows."""


def markdown(account: Account) -> str:
    """The file as Markdown."""
    lines = [f"# {_md(account.file.title)}", "", *(f"- {_md(line)}" for line in _head(account))]
    for title, columns, rows in _tables(account):
        lines += ["", f"## {title}", ""]
        if rows:
            lines += [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
            lines += [f"| {' | '.join(_md(cell) for cell in row)} |" for row in rows]
        else:
            lines.append("None on record.")
    return "\n".join([*lines, "", *(_md(line) for line in _foot(account))]) + "\n"


def html(account: Account) -> str:
    """The file as one page of HTML."""
    title = _html(account.file.title)
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f"<title>Incident file: {title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>",
        f"<ul>{''.join(f'<li>{_html(line)}</li>' for line in _head(account))}</ul>",
    ]
    for name, columns, rows in _tables(account):
        parts.append(f"<h2>{name}</h2>\n{_table(name, columns, rows)}")
    parts.append(f"<p>{' '.join(_html(line) for line in _foot(account))}</p>\n</main>\n</body>\n</html>\n")
    return "\n".join(parts)


_STYLE = (
    "body{font:16px/1.5 sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1a1a1a;background:#fff}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #767676;padding:.3rem .5rem;text-align:left;"
    "vertical-align:top;overflow-wrap:anywhere}caption{text-align:left}"
)


def _table(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "<p>None on record.</p>"
    head = "".join(f'<th scope="col">{_html(one)}</th>' for one in columns)
    body = "\n".join(f"<tr>{''.join(f'<td>{_html(cell)}</td>' for cell in row)}</tr>" for row in rows)
    caption = f"<caption>{name}: {len(rows)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"


def _md(text: str) -> str:
    return _MARKS.sub(r"\\\1", harmless(text))


def _html(text: str) -> str:
    return escape(harmless(text))


def _head(account: Account) -> Iterator[str]:
    file, affected = account.file, account.affected
    yield f"File {file.id} of {account.place}, {account.state}; as of {iso(account.now_us)} city time"
    yield f"Opened {iso(file.opened_at)} by {file.opened_by} (entry {file.entry})"
    yield f"Began {iso(file.began_at)}, as far as known; the city could know of it since {iso(file.aware_at)}"
    if file.severity:
        yield f"Severity, as the watch gave it: {file.severity}"
    more = f" and {file.more_subjects} more" if file.more_subjects else ""
    yield f"Subjects: {_names(file.subjects)}{more}"
    yield f"Devices: {_names(affected.devices)}; services: {_names(affected.services)}; functions: {_names(affected.functions)}"
    if affected.unplaced:
        yield f"Not followed here, so what they touch is not known: {_names(affected.unplaced)}"
    yield f"Personal data touched: {affected.personal.value}; an essential function touched: {affected.essential.value}"
    people = affected.people
    yield f"People: {_names(people.categories)} (data: {_names(people.data)}); how many: {people.count}"


def _tables(account: Account) -> Iterator[Table]:
    yield "Reporting clocks", ("due", "to", "duty", "state", "why", "entry"), [_clock(c) for c in account.clocks]
    yield (
        "Decisions and messages",
        ("at", "step", "who", "to", "text", "entry"),
        [
            (iso(s.record.at), s.record.step, s.record.person, s.record.to, s.record.text, s.id)
            for s in account.file.steps
        ],
    )
    yield (
        "Who was given data since it began",
        ("recipient", "party", "datasets", "rows", "receipts", "newest"),
        [_given(one) for one in account.affected.recipients],
    )
    yield (
        "What came of affected data",
        ("unit", "standing", "marks and retractions", "made again", "commands resting on it", "to tell"),
        [_spoiled(one) for one in account.affected.lineage],
    )
    yield (
        "Timeline",
        ("at", "kind", "subject", "what", "entry"),
        [(iso(m.at), m.kind, m.subject, m.said, m.entry) for m in account.timeline.moments],
    )


def _clock(clock: Clock) -> Sequence[str]:
    applies = "" if clock.state.value == "not-applicable" else f"{clock.applies.value}: "
    return (
        f"{iso(clock.due_us)} ({clock.term})",
        clock.to,
        f"{clock.id}: {clock.title}",
        clock.state.value,
        f"{applies}{clock.why}",
        clock.entry,
    )


def _given(one: Given) -> Sequence[str]:
    newest = one.receipts[-1] if one.receipts else ""
    return one.recipient, one.party, _names(one.datasets), str(one.rows), str(one.count), newest


def _spoiled(one: Spoiled) -> Sequence[str]:
    commands = len(one.commands) + one.commands_more
    again = f"{one.hours} hours, {one.ranges} ranges"
    return one.unit, one.state, _names((*one.marks, *one.retractions)), again, str(commands), _names(one.tell)


def _foot(account: Account) -> Iterator[str]:
    if account.timeline.more:
        counted = ", ".join(f"{count} further of {kind}" for kind, count in sorted(account.timeline.more.items()))
        yield f"Not shown in the timeline: {counted}."
    if account.affected.recipients:
        yield "A receipt names a flow, not single devices: cityward taint DEVICE says which recipients hold rows of one."
    yield f"Declaration {account.declaration}. Every entry named here is in the evidence, and can be checked there."


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none known"


def left(clock: Clock, now_us: int) -> str:
    """How long a clock still has, or how long it is over, in words."""
    hours = (clock.due_us - now_us) / HOUR
    return f"{hours:.1f} h left" if hours >= 0 else f"{-hours:.1f} h over"
