"""What the web door counts about itself, and how `/metrics` reads it together with the state store's counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client import Counter as PrometheusCounter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cityward.runtime.ports import RoleCounts, StateReader

# PRECEDENT: from a cached answer (tens of us) to the log's deadline (5 s)
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class Meters:
    """One door's counters, in a registry of its own (two doors in one process do not mix)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.door: Counter[str] = Counter()  # turned away at the door, by problem word
        self._requests = PrometheusCounter(
            "cityward_http_requests", "HTTP requests answered", ("route", "method", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "cityward_http_seconds", "Time to answer", ("route",), buckets=_SECONDS, registry=self.registry
        )

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer. `route` is the declared path, never the requested one: labels stay few."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def turned_away(self, word: str) -> None:
        """Count a device's request that never became part of the log."""
        self.door[word] += 1

    def text(self) -> bytes:
        """The Prometheus text format. Calls the collectors, so: in a thread."""
        return generate_latest(self.registry)


class CityCollector(Collector):
    """The city's counts, read from the state store when asked."""

    def __init__(
        self,
        state: StateReader,
        meters: Meters,
        clients: Callable[[], int],
        roles: Callable[[], RoleCounts] | None = None,
    ) -> None:
        self._state, self._meters, self._clients, self._roles = state, meters, clients, roles
        self.backlog: int | None = None  # set by who asks the log, before each reading

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the store is asked."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """One family per count."""
        observations = CounterMetricFamily(
            "cityward_observations", "Observations by flow and outcome", labels=("flow", "outcome")
        )
        for row in self._state.counts():
            for outcome in ("received", "admitted", "refused", "shed"):
                observations.add_metric((row.flow, outcome), getattr(row, outcome))
        yield observations
        reasons = CounterMetricFamily(
            "cityward_refusals", "Observations refused or shed, by flow and reason", labels=("flow", "reason")
        )
        for (flow, reason), count in self._state.reasons().items():
            reasons.add_metric((flow, reason), count)
        yield reasons
        door = CounterMetricFamily("cityward_door_refusals", "Requests turned away at the door", labels=("reason",))
        for word, count in self._meters.door.copy().items():
            door.add_metric((word,), count)
        yield door
        yield GaugeMetricFamily("cityward_live_clients", "Open live feeds", value=self._clients())
        if self._roles is not None:
            yield from of_roles(self._roles())
        if self.backlog is not None:
            yield GaugeMetricFamily("cityward_log_backlog", "Messages in the log not judged yet", value=self.backlog)


def of_roles(counts: RoleCounts) -> Iterable[Metric]:
    """What the roles count: since the start of each, so a counter begins anew when one does."""
    classes = CounterMetricFamily(
        "cityward_class_observations",
        "Observations held by the class of their device: admitted, or the reason they were refused or shed",
        labels=("class", "outcome"),
    )
    for name, words in counts.classes.items():
        for word, count in words.items():
            classes.add_metric((name, word), count)
    yield classes
    barred = GaugeMetricFamily("cityward_barred_devices", "Devices barred now", labels=("class", "why"))
    for labels, count in counts.barred.items():
        barred.add_metric(labels, count)
    yield barred
    commands = CounterMetricFamily("cityward_commands", "What the services' proposals became", labels=("outcome",))
    for word, count in counts.commands.items():
        commands.add_metric((word,), count)
    yield commands
    refused = CounterMetricFamily("cityward_command_refusals", "Proposals the permit gate refused", labels=("reason",))
    for word, count in counts.commands_refused.items():
        refused.add_metric((word,), count)
    yield refused
    left_out = GaugeMetricFamily(
        "cityward_readings_left_out", "Readings the services were not shown in their last turn", labels=("reason",)
    )
    for word, count in counts.left_out.items():
        left_out.add_metric((word,), count)
    yield left_out
    outward = CounterMetricFamily(
        "cityward_outward_connections", "Connections to elsewhere, by who called", labels=("exit", "outcome")
    )
    for labels, count in counts.outward.items():
        outward.add_metric(labels, count)
    yield outward
    yield CounterMetricFamily(
        "cityward_commands_made_safe", "Fail-safe commands in place of refused ones", value=counts.made_safe
    )
    for field, by, metric, words in _SERVICES:
        told = metric(f"cityward_{field}", words, labels=(by,))
        for word, count in getattr(counts, field).items():
            told.add_metric((word,), count)
        yield told


_SERVICES = (
    ("plans", "outcome", CounterMetricFamily, "Plans for people, issued and how they ended"),
    ("plans_refused", "reason", CounterMetricFamily, "Plans the permit gate refused"),
    ("jobs", "outcome", CounterMetricFamily, "Slow work of the services"),
    ("service_faults", "service", CounterMetricFamily, "Faults of each service"),
    ("service_notices", "service", GaugeMetricFamily, "Notices that stand"),
    ("service_memory_bytes", "service", GaugeMetricFamily, "Bytes of what each service remembers"),
    ("turn_parts_shed", "part", CounterMetricFamily, "Parts of turns that were malformed or too much"),
    ("forecasts", "outcome", CounterMetricFamily, "Turns of the declared forecasts, and what their estimates came to"),
    ("forecasts_now", "outcome", GaugeMetricFamily, "Series of which the last turn said something, or nothing"),
)
"""Field of `RoleCounts`, label, type, words."""
