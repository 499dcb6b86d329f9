"""What a browser's address bar meets: the console's files, signing in and out, the map's tiles.

Theory of operation of signing in: a one-time link opens a page with one button; only the button's POST consumes the link, so
that a mail scanner or a preview that opens links does not use it up. POSTs are taken from our own pages only.

INVARIANT: files are served by exact name from a list made at start; no request path ever becomes a file path.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any
from urllib.parse import parse_qs

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from cityward.errors import LinkError
from cityward.place.roles import Right
from cityward.web.identity import PERSON, SESSION_S, refuse_cross_site
from cityward.web.ports import Tiles
from cityward.web.problems import Problem
from cityward.web.routes import Call, Nothing, Route, route

FORM = "application/x-www-form-urlencoded"
CHUNK = 256 * 1024

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "wasm": "application/wasm",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
_COMPRESSED = {"css", "html", "js", "json", "svg", "txt", "wasm", "webmanifest"}
_HASHED = re.compile(r"[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$")  # Vite: name-<hash>.<kind>


# -- files ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class File:
    """One built file, with everything that can be known beforehand."""

    data: bytes
    zipped: bytes | None
    media: str
    etag: str
    caching: str


def read_files(root: Traversable, within: str = "") -> Iterator[tuple[str, File]]:
    """(path below the root, file) of every file of a known kind."""
    for entry in sorted(root.iterdir(), key=lambda one: one.name):
        path = f"{within}{entry.name}"
        if entry.is_dir():
            yield from read_files(entry, f"{path}/")
        elif (kind := entry.name.rpartition(".")[2]) in _TYPES:
            yield path, make_file(path, kind, entry.read_bytes())


def make_file(path: str, kind: str, data: bytes) -> File:
    """A file that is ready to be served."""
    zipped = gzip.compress(data, 6, mtime=0) if kind in _COMPRESSED and len(data) > 1024 else None
    hashed = path.startswith("assets/") and _HASHED.search(path) is not None
    return File(
        data=data,
        zipped=zipped,
        media=_TYPES[kind],
        etag=f'"{sha256(data).hexdigest()[:32]}"',
        caching="public, max-age=31536000, immutable" if hashed else "no-cache",
    )


def serve_file(request: Request, file: File) -> Response:
    """200, or 304 when the browser has it."""
    headers = {"etag": file.etag, "cache-control": file.caching, "vary": "accept-encoding"}
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if file.zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.zipped, media_type=file.media, headers={**headers, "content-encoding": "gzip"})
    return Response(file.data, media_type=file.media, headers=headers)


def file_routes(console: Traversable) -> tuple[Route[Any], ...]:
    """One public route per built file: the files hold no data of the city. The shell itself wants a session."""
    found = dict(read_files(console)) if console.is_dir() else {}
    found.update(read_files(files("cityward.web") / "static"))
    index = found.pop("index.html", None)
    return (_shell_route(index), *(_file_route(path, file) for path, file in found.items()))


def _file_route(path: str, file: File) -> Route[Any]:
    async def one(call: Call[Nothing]) -> object:
        return serve_file(call.request, file)

    return route("GET", f"/{path}", summary="A file of the console", public=True, hidden=True)(one)


def _shell_route(index: File | None) -> Route[Any]:
    async def shell(call: Call[Nothing]) -> object:
        caller = await call.desk.reception.caller(call.request)
        if caller is None or caller.scope != PERSON:
            return RedirectResponse("/sign-in", 303)
        if index is None:
            raise Problem(503, "no-console", "the console is not built into this installation")
        return serve_file(call.request, index)

    return route("GET", "/", summary="The console", public=True, hidden=True)(shell)


# -- signing in and out ------------------------------------------------------------------------------------------------

PAGES = Environment(
    loader=PackageLoader("cityward.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class LinkQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str = ""


@route("GET", "/sign-in", summary="The sign-in page", public=True, query=LinkQuery, hidden=True)
async def sign_in_page(call: Call[LinkQuery]) -> object:
    return show_page(call, "ready" if call.query.token else "no-link", call.query.token[:256])


@route("POST", "/sign-in", summary="Redeem a link", public=True, media=(FORM,), limit=4096, hidden=True)
async def sign_in(call: Call[Nothing]) -> object:
    refuse_cross_site(call.request)
    session = await call.desk.reception.sign_in(call.request, _form_field(call.body, "token"))
    if session is None:
        return show_page(call, "refused", "", 403)
    answer = RedirectResponse("/", 303)
    set_session(call, answer, session)
    return answer


def set_session(call: Call[Any], answer: Response, session: str) -> None:
    """Let the browser keep a session's token, where no script and no other site can use it."""
    answer.set_cookie(
        call.desk.reception.cookie,
        session,
        max_age=SESSION_S,
        path="/",
        secure=call.desk.doors.secure,
        httponly=True,
        samesite="strict",
    )


@route("POST", "/sign-out", summary="End the session", signed_in=True, hidden=True)
async def sign_out(call: Call[Nothing]) -> object:
    refuse_cross_site(call.request)
    if call.caller is not None:
        await call.desk.reception.sign_out(call.caller)
        call.desk.feed.end_session(call.caller.session)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(
        call.desk.reception.cookie, path="/", secure=call.desk.doors.secure, httponly=True, samesite="strict"
    )
    return answer


def _form_field(body: bytes, name: str) -> str:
    try:
        fields = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=4)
    except ValueError:
        return ""
    values = fields.get(name, [])
    return values[0] if len(values) == 1 else ""


def show_page(call: Call[Any], state: str, token: str, status: int = 200) -> Response:
    """The sign-in page: `ready` with a link's token, `no-link`, `refused`, or `not-known`."""
    provider = call.desk.provider is not None
    page = PAGES.get_template("sign_in.html").render(
        place=call.desk.doors.place.name, state=state, token=token, provider=provider
    )
    return HTMLResponse(page, status)


# -- tiles -------------------------------------------------------------------------------------------------------------


@route(
    "GET",
    "/tiles/city.pmtiles",
    summary="The map's tiles, by byte ranges",
    right=Right.LOOK,
    answer_media="application/vnd.pmtiles",
)
async def tiles(call: Call[Nothing]) -> object:
    archive = call.desk.doors.tiles
    if archive is None:
        raise Problem(404, "not-found", "this city has no map tiles")
    etag = f'"{archive.etag}"'
    headers = {"etag": etag, "accept-ranges": "bytes", "cache-control": "private, no-cache"}
    if etag in call.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    wanted = call.request.headers.get("range")
    if call.request.headers.get("if-range", etag) != etag:
        wanted = None
    span = parse_range(wanted, archive.size)
    start, stop = span or (0, archive.size)
    if span is not None:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{archive.size}"
    first = await asyncio.to_thread(_read, archive, start, stop)
    return Piece(archive, start, stop, first, 206 if span else 200, headers)


_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, stop) of a single byte range; None where there is none to honour: then the whole is sent.

    SPEC: RFC 9110 14.2: a Range that is malformed or asks for several pieces may be ignored.

    Raises:
        Problem: 416, the range lies outside the file.
    """
    match = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if first and last and int(last) < int(first):
        return None
    if start >= stop:
        raise Problem(416, "no-such-range", f"the file has {size} bytes", {"content-range": f"bytes */{size}"})
    return start, stop


class Piece:
    """A piece of the tile archive, read in threads and sent by chunks. `first` is read before the status is sent."""

    def __init__(
        self, archive: Tiles, start: int, stop: int, first: bytes, status: int, headers: dict[str, str]
    ) -> None:
        self.status_code = status
        self._archive, self._start, self._stop, self._first, self._headers = archive, start, stop, first, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = str(self._stop - self._start)
        head = {**self._headers, "content-type": "application/vnd.pmtiles", "content-length": length}
        raw = [(name.encode(), value.encode()) for name, value in head.items()]
        await send({"type": "http.response.start", "status": self.status_code, "headers": raw})
        at, chunk = self._start, self._first
        while (at := at + len(chunk)) < self._stop:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            chunk = await asyncio.to_thread(_read, self._archive, at, self._stop)
        await send({"type": "http.response.body", "body": chunk, "more_body": False})


def _read(archive: Tiles, at: int, stop: int) -> bytes:
    length = min(CHUNK, stop - at)
    chunk = archive.read(at, length)
    if len(chunk) != length:
        raise LinkError(f"the tile archive gave {len(chunk)} of {length} bytes")
    return chunk


ROUTES = (sign_in_page, sign_in, sign_out, tiles)
