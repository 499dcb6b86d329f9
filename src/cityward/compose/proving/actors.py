"""Actors of a place: the profiles in the folder `actors/` beside its declaration, and what each could do there.

Does not live here: what a profile is and what follows from it (`assurance.actors`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import yaml

from cityward.adapters.files import read_from
from cityward.assurance.actors.outlook import Catalogue, Outlook, outlook_of
from cityward.assurance.actors.profile import Actor, Profiles, read_profiles
from cityward.assurance.actors.stix import MOST_BYTES, Read, read_stix
from cityward.assurance.control import Dossier
from cityward.assurance.controls import find_controls
from cityward.assurance.trail import Trail
from cityward.assurance.trying import trying
from cityward.compose.home import Home, read_city_file
from cityward.compose.places import load_place
from cityward.compose.proving.incident_files import dossier_of_city
from cityward.errors import LinkError, PlaceError
from cityward.exercises.scenarios import find_scenarios
from cityward.place.hints import did_you_mean

FOLDER = "actors"
MOST_FILES = 100


def actors_of(folder: Path) -> Mapping[str, Actor]:
    """Every profile of a place's folder, by id: the files of `actors/`, in the order of their names.

    Raises:
        PlaceErrors: what is wrong with one of them.
        PlaceError: an id stands in two of them, or there are too many.
    """
    found: dict[str, Actor] = {}
    files = sorted(path for path in (folder / FOLDER).glob("*") if path.suffix in (".yaml", ".yml", ".json"))
    if len(files) > MOST_FILES:
        raise PlaceError(f"{len(files)} files of actors; {MOST_FILES} at most", where=str(folder / FOLDER))
    for path in files:
        try:
            raw = read_from(folder)(f"{FOLDER}/{path.name}")
        except OSError as error:
            raise LinkError(f"cannot read {path}: {error.strerror}") from None
        for name, actor in _profiles(path.name, raw).items():
            if name in found:
                raise PlaceError(f"`{name}` stands in two files", where=str(path), mend="give one of them another id")
            found[name] = actor
    return found


def _profiles(name: str, raw: bytes) -> Mapping[str, Actor]:
    """A STIX bundle is read as one; all else is ours."""
    if name.endswith(".json") and b'"bundle"' in raw:
        return read_stix(name, raw).actors
    return read_profiles(name, raw).actors


def imported(path: Path) -> Read:
    """What a STIX bundle says, from its file.

    Raises:
        PlaceError: it is none.
        LinkError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return read_stix(path.name, file.read(MOST_BYTES + 1))
    except OSError as error:
        raise LinkError(f"cannot read {path}: {error.strerror}") from None


def as_yaml(read: Read) -> bytes:
    """Profiles as a file of ours, which a person completes: jurisdictions and parties are not in a bundle."""
    tree = msgspec.to_builtins(Profiles(actors=dict(read.actors)))
    actors = {
        name: {key: value for key, value in actor.items() if value not in ("", (), [], {}, None)}
        for name, actor in tree["actors"].items()
    }
    text = yaml.safe_dump(_plain({"actors": actors}), sort_keys=False, allow_unicode=True, width=118)
    return text.encode()


def _plain(tree: object) -> object:
    return msgspec.json.decode(msgspec.json.encode(tree))


def folder_of(where: Path) -> Path:
    """The folder of a place: of a declaration, or of the declaration that a state directory's city runs by."""
    place = Path(read_city_file(Home(where)).place) if (where / "city.json").exists() else where
    return place if place.is_dir() else place.parent


def outlook(where: Path, name: str) -> Outlook:
    """What an actor could do, in a city with its evidence (a state directory) or by a declaration alone.

    Raises:
        PlaceError: no such actor.
        CitywardError: the declaration, the profiles or the log is wrong.
    """
    actors = actors_of(folder_of(where))
    if name not in actors:
        mend = f"there are: {', '.join(actors) or f'none; put a file into {FOLDER}/ beside the declaration'}"
        raise PlaceError(f"no actor is called `{name}`{did_you_mean(name, actors)}", mend=mend)
    ran = (where / "city.json").exists()
    dossier = dossier_of_city(where) if ran else Dossier(load_place(where), Trail(()), time.time_ns() // 1000)
    return outlook_of(name, actors[name], dossier, _catalogue(), ran)


def _catalogue() -> Catalogue:
    controls = find_controls()
    return Catalogue(controls, {one.id: (one.title, trying(controls, one.id)) for one in find_scenarios().values()})
