"""Reading below a folder, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cityward.adapters import files
from cityward.adapters.files import read_from


def test_reads_a_file_below_the_folder(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.yaml").write_bytes(b"x")
    assert read_from(tmp_path)("a/b.yaml") == b"x"


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "link", "linked/outside"])
def test_refuses_what_lies_outside(tmp_path: Path, name: str):
    folder = tmp_path / "place"
    folder.mkdir()
    (tmp_path / "outside").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "linked").symlink_to(tmp_path)
    with pytest.raises(PermissionError):
        read_from(folder)(name)


def test_refuses_a_pipe_which_would_never_end(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no regular file"):
        read_from(tmp_path)("pipe")


@pytest.mark.parametrize("name", ["absent", "."])
def test_what_is_no_file_is_an_os_error(tmp_path: Path, name: str):
    with pytest.raises(OSError, match=r"directory|Directory"):
        read_from(tmp_path)(name)


def test_refuses_a_file_larger_than_a_declaration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 10)
    (tmp_path / "big").write_bytes(b"x" * 11)
    with pytest.raises(OSError, match="larger"):
        read_from(tmp_path)("big")
