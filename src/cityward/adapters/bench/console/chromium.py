"""A real headless Chromium under measurement, driven over its DevTools protocol; software draws what WebGL draws."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from cityward.errors import LinkError

NAMES = ("chromium", "chromium-browser", "google-chrome")
ANSWER_S = 60.0
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)


class Chromium:
    """One browser with one page."""

    def __init__(self, profile: Path, process: subprocess.Popen[bytes]) -> None:
        self._profile, self._process = profile, process
        self._answers: dict[int, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._sent = 0
        self._socket = self._connect()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """A DevTools method's answer.

        Raises:
            LinkError: it refuses, or does not answer.
        """
        self._sent += 1
        number = self._sent
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        self.wait(lambda: number in self._answers, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise LinkError(f"Chromium refused {method}: {answer['error'].get('message', '')[:200]}")
        result: dict[str, Any] = answer["result"]
        return result

    def evaluate(self, expression: str) -> Any:
        """Its value in the page; a promise is awaited."""
        told = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise LinkError(f"the page threw: {json.dumps(told['exceptionDetails'])[:300]}")
        return told["result"].get("value")

    def until(self, condition: str, within_s: float = ANSWER_S) -> None:
        """Wait until it holds in the page.

        Raises:
            LinkError: it never did.
        """
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            with contextlib.suppress(LinkError):  # the page is on its way to another document
                if self.evaluate(f"!!({condition})"):
                    return
            time.sleep(0.05)
        raise LinkError(f"the page did not come to: {condition[:200]}")

    def wait(self, held: Callable[[], bool], what: str) -> None:
        """Until what was reported lets it hold.

        Raises:
            LinkError: it never did.
        """
        with self._changed:
            if not self._changed.wait_for(held, ANSWER_S):
                raise LinkError(f"Chromium did not answer {what}")

    def close(self) -> None:
        """End the connection; the process ends with its context."""
        self._socket.close()
        self._reader.join(5)

    def _connect(self) -> Any:
        try:
            import websocket  # noqa: PLC0415 - no dependency of a city
        except ImportError as error:
            raise LinkError("no websocket client is installed", mend="install `cityward[dev]`") from error
        with urlopen(f"http://127.0.0.1:{self._port()}/json/list", timeout=ANSWER_S) as answer:
            page = next(one for one in json.load(answer) if one["type"] == "page")
        return websocket.create_connection(page["webSocketDebuggerUrl"], timeout=None, suppress_origin=True)

    def _port(self) -> int:
        file, end = self._profile / "DevToolsActivePort", time.monotonic() + ANSWER_S
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError, IndexError, ValueError):
                return int(file.read_text().splitlines()[0])
            time.sleep(0.05)
        raise LinkError("Chromium did not start")

    def _read(self) -> None:
        while True:
            try:
                text = self._socket.recv()
            except Exception:  # closed: whoever waits is told by its deadline
                return
            if not text:
                return
            message = json.loads(text)
            with self._changed:
                if "id" in message:
                    self._answers[message["id"]] = message
                else:
                    self.events.append(message)
                self._changed.notify_all()


@contextmanager
def running_chromium() -> Generator[Chromium]:
    """A fresh browser, ended at the end.

    Raises:
        LinkError: there is none on this machine, or it did not start.
    """
    binary = next((found for name in NAMES if (found := shutil.which(name))), None)
    if binary is None:
        raise LinkError("no Chromium is on this machine", mend=f"install one of {', '.join(NAMES)}")
    profile, quiet = Path(tempfile.mkdtemp(prefix="cityward-bench-")), subprocess.DEVNULL
    command = [binary, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)  # noqa: S603 - our words
    browser = None
    try:
        browser = Chromium(profile, process)
        yield browser
    finally:
        if browser is not None:
            browser.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
        shutil.rmtree(profile, ignore_errors=True)
