"""What a step's bytes say once they are sent: times and numbers put in, credentials found.

INVARIANT: a made-up credential is the same for the same seed and unit, and is nobody's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256

from cityward.adapters.keys.bundle import read_secret
from cityward.compose.entering.devices import Asked, add_device
from cityward.compose.exercising.twin import Twin
from cityward.errors import CitywardError
from cityward.exercises.steps import Credential
from cityward.time import SECOND, iso

_PLACED = re.compile(rb"\{(?:(at|iso)([+-][0-9]{1,9}(?:\.[0-9]{1,6})?)?|n)\}")
DEFAULT = "admin"
BY = "exercise"


def put_in(body: bytes, now_us: int, number: int) -> bytes:
    """A body with its times and numbers put in. now_us: the city's time.

    >>> put_in(b'{"t":{at-1},"n":{n}}', 2_500_000, 7)
    b'{"t":1.5,"n":7}'
    """

    def one(found: re.Match[bytes]) -> bytes:
        if found[1] is None:
            return b"%d" % number
        at = now_us + round(float(found[2] or 0) * SECOND)
        return iso(at).encode() if found[1] == b"iso" else (b"%.6f" % (at / SECOND)).rstrip(b"0").rstrip(b".")

    return _PLACED.sub(one, body)


@dataclass(slots=True)
class Keyring:
    """What senders prove themselves with, in one twin."""

    twin: Twin
    _made: dict[str, tuple[str, str]] = field(default_factory=dict[str, "tuple[str, str]"])

    def password(self, name: str, credential: Credential) -> str | None:
        """For MQTT. Blocks."""
        return self._of(name, credential)[0]

    def http_key(self, name: str, credential: Credential) -> str | None:
        """For HTTP. Blocks."""
        return self._of(name, credential)[1]

    def _of(self, name: str, credential: Credential) -> tuple[str | None, str | None]:
        if credential is Credential.NONE:
            return None, None
        if credential is Credential.DEFAULT:
            return DEFAULT, DEFAULT
        if credential is Credential.GUESSED:
            made_up = sha256(f"a guess at {name}".encode()).hexdigest()[:32]
            return made_up, made_up
        return self._own(name)  # a revoked one is what was its own

    def _own(self, name: str) -> tuple[str | None, str | None]:
        secret = read_secret(self.twin.setting.home.device_secrets, name)
        if secret is not None:
            return secret.password, secret.http_key
        if name not in self._made:
            try:
                given = add_device(Asked(self.twin.state, name, BY))
            except CitywardError:
                given = dict[str, str]()  # nobody of that name: it has nothing to show
            word = given.get("secret", "")
            self._made[name] = word, given.get("http_key", word)
        password, key = self._made[name]
        return password or None, key or None
