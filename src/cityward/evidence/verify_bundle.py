"""Checks an evidence bundle offline: this file, `verifier.py` beside it, Python's standard library, and the logs' public keys.

    python verify_bundle.py BUNDLE.tar KEY [KEY ...] [--witness WITNESS-KEY ...] [--witnesses HOW-MANY]

Both files lie in the bundle, for convenience. Who does not trust the bundle takes them from a release of Cityward instead, and
the keys from the city by another way.

What `OK` means: every entry in the bundle stands, as it is here, at its place in a log that the key's owner signed for. What it
cannot mean: that the log holds no other entries about the same matter. A range without gaps is whole; a selection is what its
maker selected.

    README.txt, manifest.json, verifier.py, verify_bundle.py
    logs/<log>/key                        the public key, as the city has it
    logs/<log>/checkpoint                 the signed root that the proofs lead to
    logs/<log>/entries/<index>.json       an entry, byte for byte
    logs/<log>/entries/<index>.proof      its C2SP tlog-proof: index, inclusion proof, the checkpoint
    logs/<log>/witnessed/<n>.checkpoint   a checkpoint that a witness co-signed
    logs/<log>/witnessed/<n>.proof        that the one above grew out of it (RFC 6962 consistency proof)

INVARIANTS
- Nothing is unpacked, and no name from the bundle is opened on disk.
- Bounded: plain tar only, so many members of so many bytes, and none that unpacks to more than it weighs.
- Total: any bytes get a verdict. A bundle of nothing is not fine, nor is one that shows a log twice.
- A log without a given key is judged by the key in the bundle only where no key was given at all, and that is told.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING or __package__:
    from cityward.evidence.verifier import (
        COSIGNATURE,
        FORGED,
        BadError,
        Witnessed,
        cosigned_at,
        exact_base64,
        fingerprint,
        leaf_hash,
        node_hash,
        note_lines,
        open_checkpoint,
        options_of,
        parse_key,
    )
else:  # copied out, beside its copy of the verifier
    from verifier import (
        COSIGNATURE,
        FORGED,
        BadError,
        Witnessed,
        cosigned_at,
        exact_base64,
        fingerprint,
        leaf_hash,
        node_hash,
        note_lines,
        open_checkpoint,
        options_of,
        parse_key,
    )

MEMBERS_MOST = 50_000
MEMBER_MOST = 1 << 20
BUNDLE_MOST = 1 << 28
PROOF_HEAD = "c2sp.org/tlog-proof@v1"  # SPEC: C2SP tlog-proof, "Format"
_LOG_PART = re.compile(
    r"logs/([A-Za-z0-9.-]{1,200})/(key|checkpoint|entries/([0-9]{12})\.(json|proof)|witnessed/([0-9]{1,3})\.(checkpoint|proof))"
)
_ALONE = ("README.txt", "manifest.json", "verifier.py", "verify_bundle.py")


@dataclass(frozen=True)
class LogVerdict:
    """What a bundle holds of one log. `own_key`: judged by the key in the bundle, for want of a given one."""

    origin: str
    size: int
    entries: int
    first: int
    last: int
    whole: bool  # every entry from first to last
    key: str
    own_key: bool
    witnesses: tuple[Witnessed, ...] = ()


@dataclass(frozen=True)
class BundleVerdict:
    """What was found. `kind` and `file` name what is wrong first, in the words of `verifier.Verdict`."""

    ok: bool
    what: str
    kind: str = ""
    file: str | None = None
    logs: tuple[LogVerdict, ...] = ()


@dataclass
class _Log:
    parts: dict[str, bytes] = field(default_factory=dict[str, bytes])
    entries: dict[int, bytes] = field(default_factory=dict[int, bytes])
    proofs: dict[int, bytes] = field(default_factory=dict[int, bytes])
    witnessed: dict[str, bytes] = field(default_factory=dict[str, bytes])
    grown: dict[str, bytes] = field(default_factory=dict[str, bytes])


def verify_bundle(
    bundle: BinaryIO, keys: Iterable[str] = (), witnesses: Iterable[str] = (), quorum: int = 0
) -> BundleVerdict:
    """Check a whole bundle.

    Args:
        bundle: the file, open for reading.
        keys: public keys of logs, `name+hash+base64`.
        witnesses: public keys of witnesses, in the same form.
        quorum: how many of them must vouch for each log.
    """
    done: list[LogVerdict] = []
    try:
        given = dict(parse_key(key) for key in keys)
        known = [parse_key(key, COSIGNATURE) for key in witnesses]
        logs, manifest = _read(bundle)
        _as_listed(logs, manifest)
        for name, log in sorted(logs.items()):
            done.append(_judge(name, log, given, known, quorum))
            if len({one.origin for one in done}) < len(done):
                raise BadError("forked", f"the bundle shows {done[-1].origin} twice, under two names", f"logs/{name}")
    except BadError as bad:
        return BundleVerdict(False, bad.what, bad.kind, bad.file, tuple(done))
    return BundleVerdict(True, "every entry stands in its log as it is here", logs=tuple(done))


def _read(bundle: BinaryIO) -> tuple[dict[str, _Log], bytes]:
    data = bundle.read(BUNDLE_MOST + 1)
    if len(data) > BUNDLE_MOST:
        raise BadError("unreadable", f"the bundle has more than {BUNDLE_MOST} bytes")
    logs: dict[str, _Log] = {}
    alone: dict[str, bytes] = {}
    try:
        with tarfile.open(
            fileobj=BytesIO(data), mode="r:"
        ) as tar:  # plain: nothing in it unpacks to more than it weighs
            for count, member in enumerate(tar):
                # SECURITY: a sparse member of a few bytes reads as a megabyte of zeros
                plain = member.isreg() and not member.issparse()
                if count >= MEMBERS_MOST or not plain or member.size > MEMBER_MOST:
                    raise BadError(
                        "unreadable", "the bundle has too many parts, or one that is no file", member.name[:200]
                    )
                part = tar.extractfile(member)
                _sort(member.name, b"" if part is None else part.read(), logs, alone)
    except (tarfile.TarError, ValueError, LookupError, OSError, EOFError, RecursionError) as error:
        raise BadError("unreadable", f"the bundle is no tar file ({type(error).__name__})") from None
    return logs, alone.get("manifest.json", b"")


def _sort(name: str, data: bytes, logs: dict[str, _Log], alone: dict[str, bytes]) -> None:
    found = _LOG_PART.fullmatch(name)
    if found is None:
        if name not in _ALONE or name in alone:
            raise BadError("inserted", f"{name[:200]!r} is no part of a bundle, or stands in it twice", name[:200])
        alone[name] = data
        return
    log = logs.setdefault(found[1], _Log())
    index, number = found[3], found[5]
    place: dict[str, bytes] | dict[int, bytes]
    if index is not None:
        place, key = (log.entries if found[4] == "json" else log.proofs), int(index)
    elif number is not None:
        place, key = (log.witnessed if found[6] == "checkpoint" else log.grown), number
    else:
        place, key = log.parts, found[2]
    if key in place:
        raise BadError("inserted", f"{name} stands twice in the bundle", name)
    place[key] = data  # type: ignore[index]


def _as_listed(logs: dict[str, _Log], manifest: bytes) -> None:
    """What the manifest lists is there, and nothing else. It is signed by nobody: this finds accidents and lazy hands."""
    try:
        listed = {name: sorted(log["entries"]) for name, log in json.loads(manifest)["logs"].items()}
        if not all(type(index) is int and 0 <= index < 10**12 for some in listed.values() for index in some):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadError("unreadable", "the bundle has no manifest that can be read", "manifest.json") from None
    if not logs:  # nothing wrong in nothing: that proves nothing, however many witnesses are asked for
        raise BadError("dropped", "the bundle holds no log", "manifest.json")
    for name in sorted({*listed, *logs}):
        here, there = sorted(logs[name].entries) if name in logs else [], listed.get(name, [])
        if here != there:
            index = min(set(here) ^ set(there), default=0)
            kind, word = ("dropped", "lacks") if index in there else ("inserted", "has, and does not list,")
            raise BadError(kind, f"the bundle {word} entry {index} of {name}", f"logs/{name}/entries/{index:012d}.json")


def _judge(name: str, log: _Log, given: dict[str, bytes], known: list[tuple[str, bytes]], quorum: int) -> LogVerdict:
    at = f"logs/{name}"
    origin, public = _key_of(at, log, given)
    note = log.parts.get("checkpoint", b"")
    size, root = open_checkpoint(note, origin, public, f"{at}/checkpoint")
    for index, entry in sorted(log.entries.items()):
        _proven(f"{at}/entries/{index:012d}", index, entry, log.proofs.get(index, b""), note, size, root)
    if extra := set(log.proofs) - set(log.entries):
        raise BadError(
            "dropped", f"entry {min(extra)} has a proof and is not there", f"{at}/entries/{min(extra):012d}.json"
        )
    vouched = _vouched(at, log, origin, public, (size, root), known)
    if len(vouched) < quorum:
        raise BadError(
            "unwitnessed", f"{len(vouched)} of the witnesses given vouch for {origin}; {quorum} are asked for", at
        )
    there = sorted(log.entries)
    first, last = (there[0], there[-1]) if there else (0, -1)
    return LogVerdict(
        origin, size, len(there), first, last, len(there) == last - first + 1, fingerprint(public), not given, vouched
    )


def _key_of(at: str, log: _Log, given: dict[str, bytes]) -> tuple[str, bytes]:
    origin, public = parse_key(log.parts.get("key", b"").decode(errors="replace"))
    if not given:
        return origin, public
    if origin not in given:
        raise BadError("unreadable", f"no key was given for {origin}", f"{at}/key")
    if given[origin] != public:
        raise BadError("re-signed", f"the bundle's key of {origin} is not the one given", f"{at}/key")
    return origin, public


def _proven(file: str, index: int, entry: bytes, proof: bytes, note: bytes, size: int, root: bytes) -> None:
    head, gap, behind = proof.partition(b"\n\n")
    lines = head.decode(errors="replace").split("\n")
    if not gap or lines[:2] != [PROOF_HEAD, f"index {index}"] or behind != note:
        raise BadError(
            "unreadable", f"{file}.proof is not a proof of entry {index} under the checkpoint", f"{file}.proof"
        )
    found, last = leaf_hash(entry), size - 1
    at = index
    for step in _hashes(lines[2:], f"{file}.proof"):  # SPEC: RFC 9162 2.1.3.2
        if last == 0:
            raise BadError("edited", f"the proof of entry {index} is too long", f"{file}.proof", index)
        if at & 1 or at == last:
            found = node_hash(step, found)
            at, last = _past_right_edge(at, last)
        else:
            found = node_hash(found, step)
        at, last = at >> 1, last >> 1
    if index >= size or last != 0 or found != root:
        raise BadError("edited", f"entry {index} is not the one that stands there in the log", f"{file}.json", index)


def _vouched(
    at: str, log: _Log, origin: str, public: bytes, state: tuple[int, bytes], known: list[tuple[str, bytes]]
) -> tuple[Witnessed, ...]:
    vouched: dict[bytes, Witnessed] = {}
    notes = [(f"{at}/checkpoint", log.parts.get("checkpoint", b""))]
    for number, note in sorted(log.witnessed.items()):
        file = f"{at}/witnessed/{number}.checkpoint"
        old = open_checkpoint(note, origin, public, file)
        _grew(f"{at}/witnessed/{number}.proof", log.grown.get(number, b""), old, state)
        notes.append((file, note))
    for file, note in notes:
        text, lines = note_lines(note)
        for name, key in known:
            for line in lines:
                when = cosigned_at(line, name, key, text)
                if when == FORGED:
                    raise BadError(
                        "cosignature-forged", f"{file} bears a line of {name} that is not its cosignature", file
                    )
                size = int(text.split("\n")[1])
                if when is not None and (key not in vouched or vouched[key].size < size):
                    vouched[key] = Witnessed(name, size, when)
    return tuple(sorted(vouched.values(), key=lambda w: w.name))


def _grew(file: str, proof: bytes, old: tuple[int, bytes], new: tuple[int, bytes]) -> None:
    """SPEC: RFC 9162 2.1.4.2. The log of the first state grew into that of the second."""
    steps = _hashes(proof.decode(errors="replace").split("\n")[:-1], file)
    bad = BadError(
        "forked", f"the checkpoint of {old[0]} entries is not one that this log of {new[0]} grew out of", file
    )
    if old[0] in (0, new[0]) or old[0] > new[0]:
        if steps or old[0] > new[0] or (old[0] and old != new):
            raise bad
        return
    path = steps if old[0] & (old[0] - 1) else [old[1], *steps]
    index, last = old[0] - 1, new[0] - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    before = after = path[0] if path else b""
    for step in path[1:]:
        if last == 0:
            raise bad
        if index & 1 or index == last:
            before, after = node_hash(step, before), node_hash(step, after)
            index, last = _past_right_edge(index, last)
        else:
            after = node_hash(after, step)
        index, last = index >> 1, last >> 1
    if last != 0 or (before, after) != (old[1], new[1]):
        raise bad


def _past_right_edge(index: int, last: int) -> tuple[int, int]:
    while not index & 1 and index:
        index, last = index >> 1, last >> 1
    return index, last


def _hashes(lines: list[str], file: str) -> list[bytes]:
    found = [exact_base64(line) for line in lines]
    if len(found) > 64 or any(one is None or len(one) != 32 for one in found):
        raise BadError("unreadable", f"{file} holds no list of hashes", file)
    return [one for one in found if one is not None]


def main(arguments: list[str]) -> int:
    """Check the bundle; 0 fine, 1 not what was signed, 2 called wrongly."""
    alone, options = options_of(arguments)
    quorum = options["--witnesses"][-1] if options["--witnesses"] else "0"
    if not alone or not (quorum.isascii() and quorum.isdigit()):
        print(__doc__)  # noqa: T201
        return 2
    with open(alone[0], "rb") as file:  # noqa: PTH123  (no import: this room opens no files)
        verdict = verify_bundle(file, alone[1:], options["--witness"], int(quorum))
    print(json.dumps(asdict(verdict), indent=2))  # noqa: T201
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
