"""Other tools' files: a place written as one of their formats.

Lives here: choosing the format, and the flows that are drawn. Does not live here: what a format looks like (`adapters.exchange`),
the findings that some formats take (`told`), and the way in (`imports`).
"""

from __future__ import annotations

from datetime import datetime

from cityward.adapters.exchange.exports import find_exports
from cityward.adapters.exchange.exports.contract import Format, Statement, Subject
from cityward.adapters.exchange.exports.sarif import findings
from cityward.compose.asking.told import CHECKS, rules_asked
from cityward.errors import CitywardError
from cityward.place.hints import did_you_mean, listed
from cityward.place.loader import Loaded
from cityward.reach.chains import FlowGraph, flow_graph, through


def export_formats() -> tuple[Format, ...]:
    """The formats a place can be written as."""
    return tuple(module.FORMAT for module in find_exports().values())


def export_model(
    format_id: str,
    loaded: Loaded,
    *,
    told: tuple[Statement, ...] = (),
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
    return exports[format_id].write(Subject(loaded, graph, told, rules_asked(loaded.place), at, base))


def export_broken(told: tuple[Statement, ...], base: str = "") -> bytes:
    """The errors of a declaration that does not hold together, as SARIF: there is no place to write."""
    return findings(told, CHECKS, base)


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
