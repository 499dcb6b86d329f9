"""Logins of cameras: kept for cameras that are declared, and in no word that anybody is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from cityward.adapters.video.camera_keys import CameraLogin, CameraSecrets
from cityward.compose.pictures.cameras import keep_login
from cityward.errors import PlaceError


@dataclass
class Town:
    folder: Path

    @property
    def setting(self) -> SimpleNamespace:
        place = SimpleNamespace(cameras={"gate": None})
        return SimpleNamespace(loaded=SimpleNamespace(place=place), home=SimpleNamespace(keys=self.folder))


def test_a_login_is_kept_for_a_declared_camera(tmp_path: Path) -> None:
    keep_login(Town(tmp_path / "keys").setting, "gate", "cityward", "correct horse")  # type: ignore[arg-type]
    assert CameraSecrets(tmp_path / "keys", "gate").read() == CameraLogin(user="cityward", password="correct horse")
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "keys").iterdir())


@pytest.mark.parametrize(
    ("camera", "user", "password"),
    [
        ("yard", "cityward", "secret-word"),
        ("gate", "", "secret-word"),
        ("gate", "cityward", "secret-word\x00"),
        ("gate", "u", ""),
    ],
    ids=["no such camera", "no user", "not printable", "no password"],
)
def test_what_is_no_login_is_refused_without_saying_the_password(
    tmp_path: Path, camera: str, user: str, password: str
) -> None:
    with pytest.raises(PlaceError) as error:
        keep_login(Town(tmp_path).setting, camera, user, password)  # type: ignore[arg-type]
    assert "secret-word" not in str(error.value) and list(tmp_path.iterdir()) == []
