"""Witnesses: that each is reached by a flow that may carry checkpoints, and is somebody else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cityward.place.alerts import Endpoint, read_endpoint
from cityward.place.checks.alerts import is_at, is_loopback
from cityward.place.checks.whole import Problem, Whole
from cityward.place.data import Flow
from cityward.place.witnesses import WITNESSES_MOST, Witness

_KEY = re.compile(r"[^+\s]{1,255}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}\Z")  # SPEC: C2SP signed-note, "Verifier keys"


def witnesses_are_reached_as_declared(whole: Whole) -> Iterator[Problem]:
    """Each witness's endpoint is one, fits its flow, and lies where its receiver is; no two have the same key."""
    holders: dict[str, str] = {}
    for name, witness in whole.place.witnesses.items():
        path, flow = f"witnesses.{name}", whole.place.flows.get(witness.flow)
        if not _KEY.match(witness.key):
            yield Problem(f"{path}.key", "that is no witness's key", "copy its line `name+hash+base64` whole")
        if (other := holders.setdefault(witness.key.rpartition("+")[2], name)) != name:
            yield Problem(f"{path}.key", f"`{other}` has the same key: two names of one witness", "leave one out")
        try:
            endpoint = read_endpoint(witness.endpoint)
        except ValueError as error:
            yield Problem(f"{path}.endpoint", f"the endpoint cannot be read: {error}", "write `https://host/path`")
            continue
        if flow is not None:
            yield from _fits(whole, path, witness, endpoint, flow)
    if len(whole.place.witnesses) > WITNESSES_MOST:
        yield Problem("witnesses", f"{len(whole.place.witnesses)} witnesses", f"name {WITNESSES_MOST} at most")


def _fits(whole: Whole, path: str, witness: Witness, endpoint: Endpoint, flow: Flow) -> Iterator[Problem]:
    if endpoint.scheme != "https" and not (endpoint.scheme == "http" and is_loopback(endpoint.host)):
        yield Problem(f"{path}.endpoint", f"`{endpoint.scheme}` is no way to a witness", "write `https://`")
    if flow.protocol != "http":
        what = f"flow `{witness.flow}` is declared as `{flow.protocol}`; a witness is asked by `http`"
        yield Problem(f"{path}.flow", what, "declare the flow with protocol `http`")
    if flow.from_ != whole.place.platform:
        what = f"flow `{witness.flow}` begins at `{flow.from_}`, checkpoints leave from the platform"
        yield Problem(f"{path}.flow", what, "name a flow from the place's `platform`")
    if not is_at(whole, flow.to, endpoint.host):
        what = f"`{endpoint.host}` is none of the declared addresses of `{flow.to}`"
        yield Problem(f"{path}.endpoint", what, f"add it to the `addresses` of `{flow.to}`, if it is theirs")
