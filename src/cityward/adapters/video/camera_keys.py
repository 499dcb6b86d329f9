"""What a camera is signed in to with: `<state>/keys/camera-<name>.login`, its owner's only; never logged, never declared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from cityward.adapters.keys.private import read_private, write_private
from cityward.errors import LinkError

Line = Annotated[str, Meta(min_length=1, max_length=256, pattern=r"^[ -~]+$")]


class CameraLogin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user of the camera's, and its password. SECURITY: no repr of it shows the password."""

    user: Line
    password: Line

    def __repr__(self) -> str:
        return f"CameraLogin(user={self.user!r})"


@dataclass(frozen=True, slots=True)
class CameraSecrets:
    """Those of one camera. folder: the city's keys."""

    folder: Path
    name: str

    def keep(self, login: CameraLogin) -> None:
        """Keep it, over what was there."""
        write_private(self._file, msgspec.json.encode(login))

    def read(self) -> CameraLogin | None:
        """The login; None where it has none: cameras without a password are asked without.

        Raises:
            LinkError: what is kept is damaged, or others may read it.
        """
        data = read_private(self._file)
        if data is None:
            return None
        try:
            return msgspec.json.decode(data, type=CameraLogin)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # SECURITY: without the cause, which could quote the secret
            raise LinkError(f"the login of camera `{self.name}` is damaged", mend="add it again") from None

    def forget(self) -> None:
        """Throw it away."""
        self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return self.folder / f"camera-{self.name}.login"
