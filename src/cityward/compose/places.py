"""Declarations and ledgers on disk."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from zoneinfo import available_timezones

from cityward.adapters.files import read_from
from cityward.adapters.ledgers.reading import folder_reader, key_of, witnessed_notes
from cityward.adapters.ledgers.reading import ledgers_under as _ledgers_under
from cityward.compose.decoders import decoder_scripts
from cityward.errors import LinkError, PlaceError, PlaceErrors
from cityward.place.loader import Loaded, load, load_with
from cityward.place.registry import number
from cityward.runtime.serving.binding import bind_services
from cityward.services import find_services

ROOT_FILE = "place.yaml"


def demo_place() -> Path:
    """The folder of the bundled demonstration city, in a checkout or in an installed wheel."""
    packed = Path(str(resources.files("cityward"))) / "_demo" / "doggerford"
    checkout = Path(__file__).parents[3] / "examples" / "doggerford"
    return packed if packed.exists() else checkout


def load_place(path: Path) -> Loaded:
    """The declaration in a folder (its `place.yaml`) or file.

    Raises:
        PlaceErrors: all that is wrong with it.
        PlaceError: there is none.
    """
    root = path / ROOT_FILE if path.is_dir() else path
    if not root.is_file():
        raise PlaceError(f"there is no declaration at {path}", mend=f"name a folder with a {ROOT_FILE}, or a YAML file")
    loaded = load(root.name, read_from(root.parent), available_timezones())
    check_services(loaded)
    decoder_scripts(loaded.place, root.parent)
    return loaded


def load_overlaid(path: Path, overlay: Path) -> Loaded:
    """A declaration with the records of another file laid over it, as a proposal's are.

    Raises:
        PlaceErrors: all that is wrong with the one; with that mended, with the other.
        LinkError: the other cannot be read.
    """
    root = path / ROOT_FILE if path.is_dir() else path
    try:
        raw = read_from(overlay.parent)(overlay.name)
    except OSError as error:
        raise LinkError(f"cannot read `{overlay}`: {error.strerror}") from None
    loaded = load_with(root.name, read_from(root.parent), overlay.name, raw, available_timezones()).proposed
    check_services(loaded)
    return loaded


def check_services(loaded: Loaded) -> None:
    """Settings are the services' own to read; they are read once the rest holds together.

    Raises:
        PlaceErrors: what the services find wrong with them.
    """
    try:
        bind_services(loaded.place, number(loaded.place), find_services())
    except PlaceErrors as errors:
        told = [PlaceError(e.what, where=loaded.where(e.where.split()[0]), mend=e.mend) for e in errors.errors]
        raise PlaceErrors(told) from None


def ledger_reader(folder: Path) -> Callable[[str], bytes | None]:
    """Reads a ledger's files by name; None for one that is not there."""
    return folder_reader(folder)


def ledgers_under(path: Path) -> list[Path]:
    """Every ledger in a folder, a state directory or a folder of state directories, in order; damaged ones too."""
    return _ledgers_under(path)


def ledger_key(folder: Path) -> str:
    """The public key kept beside a ledger, `origin+hash+base64`.

    Raises:
        EvidenceError: there is none, or it is damaged.
    """
    return key_of(folder).text()


def ledger_witnessed(folder: Path) -> list[bytes]:
    """The checkpoints of a ledger that witnesses co-signed, the newest of each."""
    return witnessed_notes(folder)


def tiles_of(folder: Path) -> Path | None:
    """The map that lies beside a declaration: `map/city.pmtiles`."""
    path = folder / "map" / "city.pmtiles"
    return path if path.is_file() else None
