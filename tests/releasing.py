"""A town that releases to real recipients, for tests: who asks, who listens, who is called, who is given files."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from click.testing import CliRunner

from cityward.cli import FINDINGS
from cityward.cli import cityward as command_line
from cityward.errors import CitywardError
from towns import Town, write_town

AGREED = """
agreements:
  acme-2026:
    {kind: supply, parties: [council, acme], datasets: [light], purposes: [planning], sites: [hall], subcontracting: forbidden}
  old-2020:
    {kind: supply, parties: [council, acme], datasets: [light], purposes: [history], sites: [hall], subcontracting: forbidden,
     starts: 2019-01-01, ends: 2020-12-31}
"""
FORMS = """
forms:
  groups: {aggregate: {least: 3, period_s: 60}}
"""


def flow(name: str, purpose: str, protocol: str, agreement: str) -> str:
    return (
        f"  {name}: {{from: cityward, to: acme, datasets: [light], purpose: {purpose}, protocol: {protocol}, protection: tls, "
        f"observability: enforced, agreement: {agreement}}}\n"
    )


def recipient(name: str, by: str, **more: str) -> str:
    fields = {"party": "acme", "by": by, "addresses": "[127.0.0.1]", "jurisdiction": "gb"} | more
    return f"  {name}: {{{', '.join(f'{key}: {value}' for key, value in fields.items())}}}\n"


def write_releasing(folder: Path, recipients: Sequence[str], *, meters: int = 4, credential: str = "password") -> Path:
    """The town of `write_town` with Acme, to whom its light readings go for planning."""
    place = write_town(folder, meters, credential=credential)
    file = place / "place.yaml"
    text = file.read_text()
    text = text.replace(
        "parties:\n",
        "parties:\n  acme: {name: Acme, kind: company, incorporated_in: gb, owners: [], subprocessors: []}\n",
    )
    text = text.replace("purposes:\n", "purposes:\n  planning: {}\n  history: {}\n")
    text += flow("asked", "planning", "http", "acme-2026") + flow("old", "history", "http", "old-2020")
    text += flow("heard", "planning", "mqtt", "acme-2026") + flow("called", "planning", "webhook", "acme-2026")
    text += AGREED + FORMS + "recipients:\n" + "".join(recipients)
    file.write_text(text)
    return place


def cityward(*words: str, code: int = 0, given: bytes | None = None) -> Any:
    """A command with `--json`; its answer. In this process: a new one spends seconds on imports before it does anything."""
    done = CliRunner().invoke(command_line, [*words, "--json"], input=given)
    found = FINDINGS if isinstance(done.exception, CitywardError) else done.exit_code
    assert found == code, (done.output, done.exception)
    return json.loads(done.stdout) if done.stdout.strip() else None


def opened(town: Town) -> None:
    """Wait until the web door listens: it is one of the last to start."""
    door = urlsplit(town.web)

    def listens() -> bool:
        with socket.socket() as link:
            return link.connect_ex(("127.0.0.1", door.port or 0)) == 0

    wait("the door listens", listens, within_s=60)


class Hook:
    """A webhook's server. `taken`: (name, headers, body) of every post, in order. `dead`: it answers nothing of use."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, str], bytes]] = []
        self.dead = False
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if not hook.dead:
                    hook.taken.append((self.headers["cityward-release"], dict(self.headers), body))
                self.send_response(503 if hook.dead else 204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@contextmanager
def hooked() -> Iterator[Hook]:
    hook = Hook()
    try:
        yield hook
    finally:
        hook.stop()


def rows_in(body: bytes) -> list[dict[str, Any]]:
    """The rows of JSON lines, behind the head."""
    return [json.loads(line) for line in body.splitlines()[1:]]


def count_of(town: Town, name: str) -> dict[str, Any]:
    """What the owner sees of a recipient; in balance at every moment."""
    [view] = [
        one
        for one in cityward("recipient", "list", "--state", str(town.state))["recipients"]
        if one["recipient"] == name
    ]
    assert view["triggered"] == view["sent"] + view["queued"] + view["shed"]
    return view


def wait(what: str, holds: Any, within_s: float = 20.0) -> Any:
    """The first truth of a condition."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s: {what}")
