"""Coverage-guided fuzzing of every reader of foreign bytes: `make fuzz`, or `python tests/fuzz/run.py RUNS [TARGET ...]`.

One process for each target, bounded in memory and in seconds for one input. RUNS is multiplied by the target's share. Prints a
line for each: runs, coverage (edges of Cityward's code and of PyYAML), inputs kept, seconds. What breaks a reader is written to
`seeds/<target>/` and ends the run with 1: mend the reader, commit the seed; `test_seeds` replays it.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
MEMORY = 2 << 30  # bytes of address space for one process; the interpreter and NumPy have some 600 MB mapped
INPUT_S = 10  # seconds for one input: a thousand times what the slowest takes
TARGET_S = 900  # for one target, whatever RUNS is
_DONE = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_COVERAGE = re.compile(r"#\d+\s+\S+\s+cov: (\d+) ft: (\d+) corp: (\d+)")


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one target."""

    name: str
    code: int
    runs: int
    edges: int
    features: int
    corpus: int
    seconds: float
    said: str

    def __str__(self) -> str:
        outcome = "ok" if self.code == 0 else "BROKEN"
        return f"{self.name:24}{self.runs:>10}{self.edges:>8}{self.features:>10}{self.corpus:>8}{self.seconds:>9.1f}  {outcome}"


def main(arguments: list[str]) -> int:
    """Fuzz; 0 where nothing broke."""
    if arguments[:1] == ["--one"]:
        return fuzz(arguments[1], arguments[2:])
    from fuzz.targets import TARGETS  # here, for `fuzz` must have it watched as it is imported

    runs, names = int(arguments[0]), arguments[1:] or list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        print(f"no such target: {', '.join(sorted(unknown))}; known are {', '.join(TARGETS)}")
        return 2
    print(f"{'target':24}{'runs':>10}{'edges':>8}{'features':>10}{'inputs':>8}{'seconds':>9}")
    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        ran: list[Ran] = []
        for one in pool.map(lambda name: _run(name, max(1, int(runs * TARGETS[name].share))), names):
            ran.append(one)
            print(one, *([_why(one.said)] if one.code else []), sep="\n", flush=True)
    broken = [one.name for one in ran if one.code]
    print(f"{len(ran)} targets, {sum(one.runs for one in ran):,} runs; broken: {', '.join(broken) or 'none'}")
    return 1 if broken else 0


def _why(said: str) -> str:
    """What broke, without the fuzzer's own remarks."""
    _, _, error = said.partition("Uncaught Python exception")
    return "\n".join(line for line in (error or said[-4000:]).splitlines() if not line.startswith(("INFO", "#")))[:4000]


def _run(name: str, runs: int) -> Ran:
    """One target in a process of its own."""
    from fuzz.beginnings import beginnings
    from fuzz.targets import TARGETS

    target, began = TARGETS[name], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cityward-fuzz-") as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for data in beginnings(name, target.most).values():
            (corpus / sha256(data).hexdigest()[:16]).write_bytes(data)
        words = Path(folder) / "words"
        words.write_text("".join(f'"{_quoted(word)}"\n' for word in target.words))
        broken = HERE / "seeds" / name
        broken.mkdir(parents=True, exist_ok=True)
        options = (
            f"-runs={runs}", f"-max_len={target.most}", f"-timeout={INPUT_S}", "-seed=4", f"-dict={words}",
            f"-artifact_prefix={broken}/", "-print_final_stats=1", "-rss_limit_mb=1024", str(corpus),
        )  # fmt: skip
        environment = os.environ | {"PYTHONPATH": str(HERE.parent), "TMPDIR": folder, "PYTHONHASHSEED": "0"}
        process = subprocess.run(
            [sys.executable, __file__, "--one", name, *options],
            env=environment, capture_output=True, text=True, errors="replace", timeout=TARGET_S, check=False,
        )  # fmt: skip
        if not any(broken.iterdir()):
            broken.rmdir()
    said = process.stdout + process.stderr
    done, seen = _DONE.search(said), _COVERAGE.findall(said)
    edges, features, kept = map(int, seen[-1]) if seen else (0, 0, 0)
    code = process.returncode or (0 if done else 1)
    return Ran(name, code, int(done[1]) if done else 0, edges, features, kept, time.monotonic() - began, said)


def _quoted(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


def fuzz(name: str, options: list[str]) -> int:
    """In the process of its own: watch Cityward's code as it is imported, and let the fuzzer go on."""
    import atheris

    with atheris.instrument_imports(include=["cityward", "yaml"]):
        from fuzz.targets import TARGETS
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    atheris.Setup([sys.argv[0], *options], TARGETS[name].one)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    sys.exit(main(sys.argv[1:]))
