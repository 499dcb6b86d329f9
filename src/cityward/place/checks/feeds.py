"""Feeds: that each flow of documents says where they come from, and that this is where its sender is."""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.alerts import read_endpoint
from cityward.place.checks.alerts import is_at, is_loopback
from cityward.place.checks.whole import Problem, Whole
from cityward.place.data import FeedSource, Flow, Protection
from cityward.place.registry import members

DOCUMENTS = frozenset({"gtfs", "gtfs-realtime"})
MOST_LIVE_BYTES = 1_000_000  # what the log takes in one message, with room for its envelope


def feeds_can_be_fetched(whole: Whole) -> Iterator[Problem]:
    """A flow of documents to the platform has a source, and nothing else has one."""
    for name, flow in whole.place.flows.items():
        path = f"flows.{name}"
        carries = flow.protocol in DOCUMENTS and flow.to == whole.place.platform and whole.device(flow.from_) is None
        if carries and flow.feed is None:
            what = "documents come by it, and nothing says from where"
            yield Problem(path, what, "add `feed:` with a `url` or a `file`")
        elif flow.feed is not None and not carries:
            what = f"documents come to the platform; this is `{flow.protocol}` from `{flow.from_}` to `{flow.to}`"
            mend = "leave it out, or use `gtfs` or `gtfs-realtime` from a system to the platform"
            yield Problem(f"{path}.feed", what, mend)
        elif flow.feed is not None:
            yield from _source(whole, f"{path}.feed", flow, flow.feed)
            yield from _companions(whole, f"{path}.feed", name, flow, flow.feed)


def _source(whole: Whole, path: str, flow: Flow, feed: FeedSource) -> Iterator[Problem]:
    if (feed.url is None) == (feed.file is None):
        yield Problem(path, "it has one source: a `url` or a `file`", "keep one of them")
    if flow.protocol == "gtfs-realtime" and feed.max_bytes > MOST_LIVE_BYTES:
        what = f"{feed.max_bytes} bytes are more than the log takes in one message"
        yield Problem(f"{path}.max_bytes", what, f"write {MOST_LIVE_BYTES} at most, and split the feed")
    if feed.url is None:
        return
    try:
        endpoint = read_endpoint(feed.url)
    except ValueError as error:
        yield Problem(f"{path}.url", f"it cannot be read: {error}", "write `https://host/path`")
        return
    if endpoint.scheme not in {"https", "http"}:
        yield Problem(f"{path}.url", f"`{endpoint.scheme}` is no way to a feed", "write `https://host/path`")
    elif endpoint.scheme == "http" and flow.protection is not Protection.NONE and not is_loopback(endpoint.host):
        what = f"`http` protects nothing, and the flow says `{flow.protection}`"
        yield Problem(f"{path}.url", what, "use `https`, or declare `protection: none`")
    if not is_at(whole, flow.from_, endpoint.host):
        what = f"`{endpoint.host}` is none of the declared addresses of `{flow.from_}`"
        yield Problem(f"{path}.url", what, f"add it to the `addresses` of `{flow.from_}`, if it is theirs")


def _companions(whole: Whole, path: str, name: str, flow: Flow, feed: FeedSource) -> Iterator[Problem]:
    flows = whole.place.flows
    for field, other, wanted in (("timetable", feed.timetable, "gtfs"), ("beside", feed.beside, "gtfs-realtime")):
        if other is None or other not in flows:
            continue
        if (
            flow.protocol != "gtfs-realtime"
            or other == name
            or flows[other].protocol != wanted
            or flows[other].feed is None
        ):
            what = f"`{other}` is no flow of `{wanted}` that this one can be held against"
            yield Problem(
                f"{path}.{field}", what, f"name a flow with protocol `{wanted}` and a `feed`, or leave it out"
            )
    units = {u for d, device in whole.place.devices.items() for u, _, _ in members(d, device)} | set(
        whole.place.devices
    )
    for device in feed.vehicles:
        model = whole.model(device)
        if device in units and model is not None and model.format != "gtfs-rt":
            what = f"`{device}` is a vehicle of a feed, and its model writes `{model.format}`"
            yield Problem(f"{path}.vehicles", what, "give its model `format: gtfs-rt`")
