"""A signed list of files: what was given out together, with the SHA-256 of each.

    cityward-files/1
    doggerford/reports                         who signs
    assessment 4be1...                         facts, one a line: a word, a space, a text
    files
    9f86d0...  report.html                     as `sha256sum` writes them

    — doggerford/reports 9ZTO...               the signature, C2SP signed-note

Pure: reading and writing files, and where keys are, is others' business.

INVARIANTS
- `opened(signed(m, s), s's key) == m`, and any changed byte raises.
- A name is plain: no folder, no path climbs out of where the files lie.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cityward.errors import EvidenceError
from cityward.evidence.checkpoint import LogKey, Signer, check_origin
from cityward.evidence.verifier import ed25519_valid, exact_base64, note_lines

FORMAT = "cityward-files/1"
MANIFEST_MOST = 65_536
_DASH = "\u2014 "
_FACT = re.compile(r"[a-z-]{1,32} [^\x00-\x1f\x7f]{0,500}")
_FILE = re.compile(r"([0-9a-f]{64})  ([a-z0-9][a-z0-9.-]{0,63})")
_MEND = "take the folder again from whoever gave it to you; compare the key's fingerprint with the city's"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Who signs (`<place>/reports`), facts by word, and files: plain name -> SHA-256, hexadecimal."""

    origin: str
    facts: Mapping[str, str]
    files: Mapping[str, str]

    def text(self) -> str:
        """What is signed.

        Raises:
            EvidenceError: a fact or a name cannot stand in it.
        """
        facts = [f"{word} {told}" for word, told in self.facts.items()]
        files = [f"{digest}  {name}" for name, digest in sorted(self.files.items())]
        for line, shape in (*((fact, _FACT) for fact in facts), *((file, _FILE) for file in files)):
            if shape.fullmatch(line) is None:
                raise EvidenceError(f"{line[:80]!r} cannot stand in a manifest")
        return "\n".join((FORMAT, self.origin, *facts, "files", *files)) + "\n"


def signed(manifest: Manifest, signer: Signer) -> bytes:
    """The manifest as a signed note.

    Raises:
        EvidenceError: a name or fact cannot stand in it.
    """
    check_origin(manifest.origin)
    text = manifest.text()
    blob = LogKey(manifest.origin, signer.public).key_hash + signer.sign(text.encode())
    return f"{text}\n{_DASH}{manifest.origin} {base64.b64encode(blob).decode()}\n".encode()


def opened(note: bytes, key: LogKey) -> Manifest:
    """The inverse of `signed`, for who holds the key.

    Raises:
        EvidenceError: it is no manifest, or the key did not sign it.
    """
    try:
        if len(note) > MANIFEST_MOST:
            raise ValueError
        text, lines = note_lines(note)
    except (ValueError, UnicodeDecodeError):
        raise EvidenceError("the manifest is not a signed note", mend=_MEND) from None
    if not any(_is_of(line, key, text) for line in lines):
        what = f"the manifest carries no valid signature of the key of {key.origin} ({key.fingerprint})"
        raise EvidenceError(what, mend=_MEND)
    return _read(text, key)


def _is_of(line: str, key: LogKey, text: str) -> bool:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    blob = exact_base64(encoded)
    if name != key.origin or blob is None or blob[:4] != key.key_hash:
        return False
    return ed25519_valid(key.public, text.encode(), blob[4:])


def _read(text: str, key: LogKey) -> Manifest:
    """SPEC: this module's head. What was signed may still be of another format: nothing in it is taken on trust."""
    lines = text.removesuffix("\n").split("\n")
    try:
        end = lines.index("files")
        facts = dict(line.split(" ", 1) for line in lines[2:end])
        found = [_FILE.fullmatch(line) for line in lines[end + 1 :]]
        files = {one[2]: one[1] for one in found if one is not None}
    except ValueError:
        raise EvidenceError("the manifest cannot be read", mend=_MEND) from None
    manifest = Manifest(lines[1], facts, files)
    if lines[0] != FORMAT or manifest.origin != key.origin or manifest.text() != text:
        raise EvidenceError("the manifest is signed, and is none of this format", mend=_MEND)
    return manifest
