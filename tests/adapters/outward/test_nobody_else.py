"""No other module opens connections to elsewhere: who touches sockets at all is listed here, each with why."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import cityward

SOURCE = Path(cityward.__file__).parent

MODULES = frozenset(
    {
        "aiohttp", "asyncssh", "boto3", "botocore", "ftplib", "http.client", "http.server", "httpx", "imaplib",
        "kafka", "ldap3", "nntplib", "paho", "poplib", "pycurl", "requests", "smtplib", "socket", "socketserver",
        "ssl", "telnetlib", "urllib.request", "urllib3", "websocket", "websockets", "xmlrpc",
    }
)  # fmt: skip
"""What opens connections. `nats` (the city's own broker), `sqlalchemy` (its own database) and `uvicorn` (listens) are not here:
where those connect to is fixed by the city file, and shown by `tests/city/test_sockets.py`."""

CALLS = frozenset(
    {
        "create_connection", "create_datagram_endpoint", "create_server", "create_unix_connection", "getaddrinfo",
        "gethostbyname", "open_connection", "open_unix_connection", "sock_connect", "start_server", "urlopen",
        "urlretrieve",
    }
)  # fmt: skip

OUTWARD = {
    "adapters/outward/connect.py": "opens every connection",
    "adapters/outward/http.py": "speaks HTTP over one that is open",
    "adapters/outward/resolve.py": "looks names up",
    "adapters/alerts/mail.py": "speaks SMTP over one that is open",
    "adapters/outlets/s3.py": "only signs",
    "adapters/outlets/sftp.py": "speaks SSH over one that is open",
}
INWARD = {
    "adapters/bench/console/chromium.py": "the bench, to the browser it started on this machine",
    "adapters/bench/console/readers.py": "the bench against a door on this machine",
    "adapters/bench/doors.py": "the bench against a town on this machine",
    "adapters/bench/flooder.py": "the bench against a town on this machine",
    "adapters/bench/generator.py": "the bench against a town on this machine",
    "adapters/bench/peer.py": "the bench against a town on this machine",
    "adapters/bus/reader.py": "the city's own broker",
    "adapters/bus/server.py": "asks whether the broker it started listens",
    "adapters/exercising/bare.py": "an exercise, to its twin's broker on this machine",
    "adapters/exercising/visitor.py": "an exercise, to its twin's web door on this machine",
    "adapters/ledgers/witness_door.py": "listens",
    "cli/__init__.py": "imports the command that was named",
    "adapters/street/door_http.py": "a simulated device, to the city's own door",
    "adapters/street/link.py": "a simulated device, to the city's own door",
    "compose/bench/town.py": "the bench against a town on this machine",
    "compose/watching/telling.py": "asks whether the city's own broker is there",
    "runtime/nursery.py": "a pair of sockets to the process that it forks its children from; it has no address",
    "runtime/nursing.py": "the other end of that pair",
    "runtime/supervisor.py": "a pair of sockets to each of its own children; it has no address",
    "web/serve.py": "listens",
}


WORDS = re.compile(
    rf"\b({'|'.join({m.partition('.')[0] for m in MODULES} | CALLS | {'__import__', 'import_module'})})\b"
)


def touched(text: str) -> set[str]:
    """The networking modules that a source imports, and the calls that open connections."""
    if text.isascii() and not WORDS.search(
        text
    ):  # what a name is made of stands in the text: most files need no parsing
        return set()
    return set(_touched(ast.parse(text)))


def _touched(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name for alias in node.names for name in _known(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (name for alias in node.names for name in _known(f"{node.module}.{alias.name}"))
            yield from (alias.name for alias in node.names if alias.name in CALLS)
        elif isinstance(node, ast.Attribute) and node.attr in CALLS:
            yield node.attr
        elif isinstance(node, ast.Name) and node.id in ("__import__", "import_module"):
            yield node.id


def _known(name: str) -> Iterator[str]:
    yield from (module for module in MODULES if name == module or name.startswith(f"{module}."))


def test_nobody_else_touches_sockets():
    paths = {path.relative_to(SOURCE).as_posix(): path.read_text() for path in SOURCE.rglob("*.py")}
    found = {path for path, text in paths.items() if touched(text)}
    assert found - OUTWARD.keys() - INWARD.keys() == set(), "open it by adapters/outward, or say here why it is inward"
    assert (OUTWARD.keys() | INWARD.keys()) - found == set(), "these need no exception any more"


def test_whoever_speaks_over_an_open_connection_opens_none():
    for path in ("adapters/alerts/mail.py", "adapters/outlets/s3.py", "adapters/outlets/sftp.py"):
        assert not touched((SOURCE / path).read_text()) & CALLS, path


def test_notices_each_way_of_opening_one():
    for text in (
        "import socket", "import http.client", "from http import client", "from urllib.request import urlopen",
        "from urllib import request", "import asyncio\nasyncio.open_connection('a', 1)", "import requests.sessions",
        "from asyncio import open_connection", "loop.create_connection(x)", "m = __import__('socket')",
    ):  # fmt: skip
        assert touched(text), text
    assert not touched("import asyncio\nfrom urllib.parse import urlsplit\nfrom http import HTTPStatus\n")
