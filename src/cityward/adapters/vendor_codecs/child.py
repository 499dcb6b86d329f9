"""The child: learns scripts, runs each call in an interpreter of its own, answers. Started by `host`, never imported by it.

SECURITY: what runs here was written by others. Everything is given up before the first script is read (`confine`); the
interpreter bounds memory, stack and processor time of each call by itself, the host bounds the wall clock from outside.
"""

from __future__ import annotations

import os
import sys
import time
from importlib.resources import files

import msgspec
import quickjs  # pyright: ignore[reportMissingTypeStubs]

from cityward.adapters.confine import give_up_resources, give_up_the_kernel
from cityward.adapters.vendor_codecs.exchange import (
    LENGTH,
    MOST_ANSWER,
    MOST_PAYLOAD,
    Ask,
    Learn,
    Said,
    length_of,
    read_asked,
    write,
)

PROCESS_BYTES = 768 << 20  # of address space: the interpreter's own libraries take a third
SCRIPT_BYTES, STACK_BYTES, SECONDS = 32 << 20, 256 << 10, 0.2  # of processor time; honest codecs take a few ms
MOST_SCRIPTS = 256

# SPEC: The Things Stack payload formatters (decodeUplink), ChirpStack v4 (the same), ChirpStack v3 (Decode), TTN v2 (Decoder)
_CALL = """
(function () {
  const bytes = %s, fPort = %d, recvTime = new Date(%d);
  if (typeof decodeUplink === "function") return decodeUplink({ bytes, fPort, recvTime, variables: {} });
  if (typeof Decode === "function") return { data: Decode(fPort, bytes, {}) };
  if (typeof Decoder === "function") return { data: Decoder(bytes, fPort) };
  throw new Error("no decodeUplink, Decode or Decoder");
})()
"""


def main() -> None:
    """Until the host closes its end."""
    prelude = files(__package__ or "").joinpath("prelude.js").read_text("utf-8")
    give_up_resources(PROCESS_BYTES)
    if not give_up_the_kernel() and "--unfiltered" not in sys.argv[1:]:
        raise SystemExit("this machine has no seccomp filter for us, and nobody said that this is allowed")
    _send(Said(text="ready"))
    scripts: dict[str, str] = {}
    while (head := _receive(LENGTH)) is not None:
        body = _receive(length_of(head))
        if body is None:
            return
        _send(_answer(prelude, scripts, body))


def _answer(prelude: str, scripts: dict[str, str], body: bytes) -> Said:
    try:
        asked = read_asked(body)
    except msgspec.DecodeError as error:
        return Said(fault=f"not understood: {error}")
    if isinstance(asked, Learn):
        if len(scripts) >= MOST_SCRIPTS and asked.name not in scripts:
            return Said(fault=f"more than {MOST_SCRIPTS} scripts")
        scripts[asked.name] = asked.script
        return Said(text="learned")
    script = scripts.get(asked.name)
    if script is None:
        return Said(fault="no such script")
    begun = time.process_time()
    said = _run(prelude, script, asked)
    return msgspec.structs.replace(said, seconds=time.process_time() - begun)


def _run(prelude: str, script: str, asked: Ask) -> Said:
    context = quickjs.Context()
    context.set_memory_limit(SCRIPT_BYTES)
    context.set_max_stack_size(STACK_BYTES)
    context.set_time_limit(SECONDS)
    call = _CALL % (list(asked.payload[:MOST_PAYLOAD]), asked.port, asked.at_ms)
    try:
        context.eval(prelude)
        context.eval(script)
        text = context.eval(f"JSON.stringify({call})")
    except Exception as error:  # whatever the script threw, and whatever the interpreter says of it
        said = str(error)[:200] or type(error).__name__
        return Said(fault=said, stopped=said.startswith("InternalError: interrupted"))
    if not isinstance(text, str):
        return Said(fault="the script answered nothing")
    return Said(text=text) if len(text) <= MOST_ANSWER else Said(fault=f"an answer of {len(text)} characters")


def _receive(size: int) -> bytes | None:
    got = b""
    while len(got) < size:
        piece = os.read(0, size - len(got))
        if not piece:
            return None
        got += piece
    return got


def _send(said: Said) -> None:
    left = memoryview(write(said))
    while left:
        left = left[os.write(1, left) :]


if __name__ == "__main__":
    main()
