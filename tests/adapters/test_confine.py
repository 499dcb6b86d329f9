"""What a confined child can still do, tried from within it: compute, read its pipe, answer. Nothing else."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

TRIED = """
import ctypes, errno, json, os, socket, sys
from cityward.adapters.confine import give_up_resources, give_up_the_kernel
libc = ctypes.CDLL(None, use_errno=True)
give_up_resources(512 << 20)
assert give_up_the_kernel()

def tried(what):
    try:
        what()
    except (OSError, MemoryError) as error:
        return type(error).__name__
    return "done"

said = {
    "open": tried(lambda: os.open("/etc/hostname", os.O_RDONLY)),
    "write a file": tried(lambda: os.open("/tmp/confined", os.O_WRONLY | os.O_CREAT)),
    "socket": tried(lambda: socket.socket()),
    "fork": tried(os.fork),
    "exec": tried(lambda: os.execv("/bin/true", ["true"])),
    "kill": tried(lambda: os.kill(1, 0)),
    "list": tried(lambda: os.listdir("/")),
    "more memory": tried(lambda: bytearray(1 << 30)),
    "out of the filter": "done" if libc.prctl(22, 0, 0, 0, 0) == 0 else "OSError",
    "compute": tried(lambda: sum(range(1000))),
}
os.write(1, json.dumps(said).encode())
os._exit(0)
"""


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="no filter for this machine"
)
def test_a_confined_child_can_compute_and_answer_and_nothing_else() -> None:
    ran = subprocess.run([sys.executable, "-c", TRIED], capture_output=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr.decode()
    said = json.loads(ran.stdout)
    assert said.pop("compute") == "done" and said.pop("more memory") == "MemoryError"
    assert set(said.values()) <= {"OSError", "PermissionError", "BlockingIOError"}, said
