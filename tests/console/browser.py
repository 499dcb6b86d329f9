"""A real headless Chromium, driven over its DevTools protocol. No sleeps: everything waits on a condition with a deadline."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from websocket import WebSocket, create_connection

Event = dict[str, Any]

DEADLINE_S = 30.0
WIRES, HERE = ("http", "https", "ws", "wss"), ("127.0.0.1", "localhost", "::1")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--use-gl=angle",  # the map wants WebGL; software draws it
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


def find_chromium() -> str | None:
    """The browser on this machine, or None."""
    return next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)


class Browser:
    """One Chromium with one page. `events` holds everything it reported, in order."""

    def __init__(self, binary: str) -> None:
        self.profile = Path(tempfile.mkdtemp(prefix="cityward-browser-"))
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._process = subprocess.Popen(
            [binary, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            start_new_session=True,  # its helpers end with it
        )
        self.events: list[Event] = []
        self._answers: dict[int, Event] = {}
        self._changed = threading.Condition()
        self._sent = 0
        self._unasked: set[int] = set()  # calls whose answer nobody waits for
        self._socket = self._connect()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        for domain in ("Page", "Runtime", "Network", "Log", "Security", "Audits"):
            self.call(f"{domain}.enable")
        self.call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
        self.call(
            "Page.addScriptToEvaluateOnNewDocument",
            source="addEventListener('securitypolicyviolation', e => console.error('CSP-VIOLATION '"
            " + e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample))",
        )

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End; a browser that asked elsewhere or met the policy fails its test, whatever the test looked at."""
        self.close()
        if error is None:
            assert self.strayed() == [], "asked elsewhere, or broke the door's policy"

    def close(self) -> None:
        """End the browser and every process it started."""
        self._socket.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        self._stderr.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method: str, **params: Any) -> Event:
        """Call a DevTools method and wait for its answer."""
        number = self._send(method, params)
        self._wait(lambda: number in self._answers, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        result: Event = answer["result"]
        return result

    def _send(self, method: str, params: Event, session: str | None = None) -> int:
        with self._changed:
            self._sent += 1
            number = self._sent
            if session is not None:
                self._unasked.add(number)
        apart = {} if session is None else {"sessionId": session}
        self._socket.send(json.dumps({"id": number, "method": method, "params": params, **apart}))
        return number

    def _watch_worker(self, session: str) -> None:
        """What a worker asks for and complains of is heard like the page's own, from its first line on."""
        for method in ("Network.enable", "Runtime.enable", "Runtime.runIfWaitingForDebugger"):
            self._send(method, {}, session)

    def open(self, address: str) -> None:
        """Go to an address; returns when the document is there."""
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def evaluate(self, expression: str, deadline_s: float = DEADLINE_S) -> Any:
        """The value of an expression in the page; a promise is awaited."""
        outcome = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, timeout=deadline_s * 1000
        )
        if "exceptionDetails" in outcome:
            raise AssertionError(outcome["exceptionDetails"].get("exception", {}).get("description", expression))
        return outcome["result"].get("value")

    def until(self, condition: str, deadline_s: float = DEADLINE_S) -> None:
        """Wait until the expression is true in the page, looked at with every frame."""
        began = time.monotonic()
        while time.monotonic() - began < deadline_s:
            try:
                held = self.evaluate(
                    "new Promise(done => { const begun = performance.now(); const look = () => {"
                    f" let held = false; try {{ held = !!({condition}) }} catch {{}}"
                    " if (held || performance.now() - begun > 1000) done(held); else requestAnimationFrame(look) }; look() })"
                )
            except AssertionError as error:
                if "context" not in str(error).lower() and "navigat" not in str(error).lower():
                    raise
                continue  # the page went to another document meanwhile
            if held:
                return
        raise AssertionError(f"not within {deadline_s} s: {condition}\n{self.text()[:2000]}\n{self.complaints()}")

    def text(self) -> str:
        """What a person reads on the page."""
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def press(self, key: str) -> None:
        """One key, down and up."""
        codes = {"Tab": 9, "Enter": 13, "ArrowRight": 39, "ArrowLeft": 37, "Escape": 27}
        text = {"Enter": "\r"}.get(key)
        more = {"text": text} if text else {}
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes.get(key, 0), **more
            )

    def hover(self, x: float, y: float) -> None:
        """Move the pointer."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def look(self, width: int, height: int, scheme: str = "light", phone: bool = False) -> None:
        """Size of the window and the preferred colours."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path: Path) -> None:
        """Write what is seen as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def complaints(self) -> list[str]:
        """Everything a clean page never reports: policy violations, errors, exceptions, failed loads."""
        found: list[str] = []
        for event in list(self.events):
            method, params = event["method"], event["params"]
            if method == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                found.append(f"exception: {details.get('exception', {}).get('description') or details['text']}")
            elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
                found.append(f"console: {' '.join(str(a.get('value', a.get('description'))) for a in params['args'])}")
            elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(f"log: {params['entry']['text']} {params['entry'].get('url', '')}")
            elif method == "Audits.issueAdded" and params["issue"]["code"] == "ContentSecurityPolicyIssue":
                found.append(f"policy: {json.dumps(params['issue']['details'])}")
        return found

    def strayed(self) -> list[str]:
        """What no page of ours may do, in any test: a request that leaves this machine, a violation of the policy."""
        hosts = {url: urlsplit(url) for url in self.requested()}
        away = [u for u, parts in hosts.items() if parts.scheme in WIRES and parts.hostname not in HERE]
        return away + [one for one in self.complaints() if "CSP-VIOLATION" in one or one.startswith("policy: ")]

    def requested(self) -> list[str]:
        """Every address that the page and its workers asked for."""
        return [e["params"]["request"]["url"] for e in list(self.events) if e["method"] == "Network.requestWillBeSent"]

    def _connect(self) -> WebSocket:
        port = self._port()
        with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=DEADLINE_S) as answer:
            pages = [t for t in json.load(answer) if t["type"] == "page"]
        return create_connection(pages[0]["webSocketDebuggerUrl"], timeout=None, suppress_origin=True)

    def _port(self) -> int:
        """The port that Chromium chose: it writes it to a file once it listens."""
        file, stop = self.profile / "DevToolsActivePort", time.monotonic() + DEADLINE_S
        while time.monotonic() < stop:
            try:
                return int(file.read_text().splitlines()[0])
            except (FileNotFoundError, IndexError):
                if self._process.poll() is not None:
                    break
                threading.Event().wait(0.02)
        self._stderr.seek(0)
        raise AssertionError(f"Chromium did not start: {self._stderr.read()[-2000:]!r}")

    def _wait(self, held: Callable[[], bool], what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(held, DEADLINE_S + 5):
                raise AssertionError(f"Chromium did not answer {what}")

    def _read(self) -> None:
        while True:
            try:
                text = self._socket.recv()
            except Exception:
                return
            if not text:
                return
            message = json.loads(text)
            if message.get("method") == "Target.attachedToTarget":
                self._watch_worker(message["params"]["sessionId"])
            with self._changed:
                if "id" in message:
                    if message["id"] not in self._unasked:
                        self._answers[message["id"]] = message
                    self._unasked.discard(message["id"])
                else:
                    self.events.append(message)
                self._changed.notify_all()
