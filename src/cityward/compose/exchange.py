"""Other tools' files: a place written as one of their formats.

Lives here: choosing the format, and saying findings in the one form that formats take. Does not live here: what a format looks
like (`adapters.exchange`).
"""

from __future__ import annotations

from datetime import datetime

from cityward.adapters.exchange.exports import find_exports
from cityward.adapters.exchange.exports.contract import Format, Level, Spot, Subject, Told, ToldStep
from cityward.adapters.exchange.exports.sarif import findings
from cityward.errors import CitywardError, PlaceError, PlaceErrors
from cityward.place.checks import Finding, Word
from cityward.place.hints import did_you_mean, listed
from cityward.place.loader import Loaded
from cityward.reach.chains import FlowGraph, flow_graph, through

__all__ = [
    "Format",
    "Level",
    "Spot",
    "Told",
    "ToldStep",
    "export_broken",
    "export_formats",
    "export_model",
    "told_of_check",
    "told_of_errors",
]

RULES = {
    "check.error": "A declaration must hold together.",
    "check.unknown": "A fact that is not known is never taken for a pass.",
    "check.uncarried": "What a device observes is carried by a flow.",
    "check.no-agreement": "Data goes to another party's system under an agreement.",
    "check.no-conduit": "Zones are joined by conduits only.",
    "check.plain": "What enters is protected on its way.",
}
"""What each rule of the check asks, for formats that print it."""


def export_formats() -> tuple[Format, ...]:
    """The formats a place can be written as."""
    return tuple(module.FORMAT for module in find_exports().values())


def export_model(
    format_id: str,
    loaded: Loaded,
    *,
    told: tuple[Told, ...] = (),
    at: datetime | None = None,
    chains_through: str | None = None,
    base: str = "",
) -> bytes:
    """A place in a format; the same bytes for the same arguments.

    Args:
        format_id: one of `export_formats`.
        loaded: the place.
        told: the findings to write, for formats that take findings.
        at: the time that the export bears, where its format has one; no clock is read.
        chains_through: a device, system or party; only the flows up- and downstream of it are drawn.
        base: the folder of the declaration, as the reader's repository names it.

    Raises:
        CitywardError: no such format, or nothing of that name sends or receives.
    """
    exports = find_exports()
    if format_id not in exports:
        mend = f"known are {listed(exports)}"
        raise CitywardError(f"there is no export format `{format_id}`{did_you_mean(format_id, exports)}", mend=mend)
    graph = flow_graph(loaded.place)
    if chains_through is not None:
        graph = _part(graph, chains_through)
    return exports[format_id].write(Subject(loaded, graph, told, RULES, at, base))


def export_broken(told: tuple[Told, ...], base: str = "") -> bytes:
    """The errors of a declaration that does not hold together, as SARIF: there is no place to write."""
    return findings(told, RULES, base)


def told_of_check(loaded: Loaded) -> tuple[Told, ...]:
    """The warnings of a check."""
    return tuple(_told_of_warning(warning) for warning in loaded.warnings)


def told_of_errors(error: PlaceError) -> tuple[Told, ...]:
    """Every error of a declaration."""
    errors = error.errors if isinstance(error, PlaceErrors) else (error,)
    return tuple(Told("check.error", Level.ERROR, _mendable(one.what, one.mend), _spots(one.where)) for one in errors)


def _told_of_warning(warning: Finding) -> Told:
    level = Level.OPEN if warning.word is Word.UNKNOWN else Level.WARNING
    words = warning.path if warning.word.told_by_path else ""
    text = f"{words}: {warning.what}" if words else warning.what
    return Told(f"check.{warning.word.value}", level, _mendable(text, warning.mend), _spots(warning.where))


def _mendable(what: str, mend: str) -> str:
    return f"{what}. Mend: {mend}." if mend else f"{what}."


def _spots(where: str) -> tuple[Spot, ...]:
    """`file:line  path`, as errors and findings say it."""
    at, _, path = where.partition("  ")
    file, _, line = at.rpartition(":")
    if not file or not line.isdigit():
        return (Spot(at, 0, path),) if at else ()
    return (Spot(file, int(line), path),)


def _part(graph: FlowGraph, name: str) -> FlowGraph:
    """The flows of every chain that begins, ends or passes at a thing."""
    chains = through(graph)
    if name not in chains:
        mend = "name a device (or group), system or party that a flow begins or ends at"
        raise CitywardError(f"no flow begins or ends at `{name}`{did_you_mean(name, chains)}", mend=mend)
    flows = set(chains[name])
    edges = tuple(edge for edge in graph.edges if edge.flow in flows)
    used = {end for edge in edges for end in (edge.source, edge.target)} | {name}
    return FlowGraph(nodes=tuple(node for node in graph.nodes if node.id in used), edges=edges)
