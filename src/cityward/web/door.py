"""The web process of a running city: the console, the API and the HTTP front doors, and what stands behind each."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from msgspec import structs

from cityward.compose.acting.containment import ContainmentDesk
from cityward.compose.acting.filing import FileDesk
from cityward.compose.acting.handing import HandDesk
from cityward.compose.acting.overrides import OverrideDesk
from cityward.compose.acting.postures import PostureDesk
from cityward.compose.asking.lessening import LesseningDesk
from cityward.compose.asking.proposing import ProposalDesk
from cityward.compose.asking.seen_beside import asked_seen
from cityward.compose.beside import Asked, ending
from cityward.compose.doors import Outside, outside
from cityward.compose.entering.devices import RegisterDesk
from cityward.compose.exercising.desk import ExerciseDesk
from cityward.compose.home import Exercise
from cityward.compose.keeping.declarations import changed_since
from cityward.compose.keeping.drawn import DrawnFile
from cityward.compose.outgoing.open_documents import OpenDesk
from cityward.compose.outgoing.received import ReceivedDesk
from cityward.compose.outgoing.recipients import asks_by_certificate
from cityward.compose.outgoing.release_desk import ReleaseDesk, flushing
from cityward.compose.outward import counted, outward_of
from cityward.compose.people.giving import PeopleDesk
from cityward.compose.people.oidc import Provider, provider_of
from cityward.compose.pictures.viewing import ViewDesk, camera_told, sweeping
from cityward.compose.progress import role_counts
from cityward.compose.proving.asking_files import asked_files
from cityward.compose.proving.entries import entry_told
from cityward.compose.proving.following import facts_of
from cityward.compose.reporting.asking import asked_report
from cityward.compose.reporting.given import GivingDesk
from cityward.compose.setting import Setting
from cityward.compose.stating.asking import asked_risks, asked_statements
from cityward.place.model import Place
from cityward.web.admin import build_admin
from cityward.web.app import build
from cityward.web.assurance_ports import Assuring
from cityward.web.ports import Doors, Entities, Exercised, OidcSettings
from cityward.web.serve import Tls, serve

ROLE = "web"


async def run_web(setting: Setting, stop: asyncio.Event) -> None:
    """Serve the console, the API and the HTTP front doors."""
    city = setting.city
    async with outside(setting) as world:
        outward = outward_of(setting, ROLE, world.events)
        desk = ReleaseDesk(setting, world.ledger, world.events, outward) if setting.loaded.place.recipients else None
        viewing = ViewDesk(setting, world.events) if setting.loaded.place.cameras else None
        asked, files = asked_report(setting.home.root), asked_files(setting.home.root)
        seen = asked_seen(setting)
        doors = doors_of(setting, world, desk, oidc_of(provider_of(setting.home, outward)), viewing)
        assuring, giving, statements, risks = assuring_of(setting)
        exercises = None if city.exercise is not None else ExerciseDesk(setting.home.root)
        doors = replace(doors, reporting=asked, incidents=files, seen=seen, proposing=proposing_of(setting))
        doors = replace(doors, filing=FileDesk(setting.home.root, files.forget))
        app = build(replace(doors, assuring=assuring, exercises=exercises))
        tls, ports = tls_of(setting), (city.web_port, city.admin_port)
        async with AsyncExitStack() as open_:
            await open_.enter_async_context(counted(setting.home.root, ROLE, outward))
            await open_.enter_async_context(ending(asked))
            await open_.enter_async_context(ending(files))
            await open_.enter_async_context(ending(seen))
            for one in (giving, statements, risks, exercises):
                if one is not None:
                    open_.push_async_callback(one.close)
            if desk is not None:
                await open_.enter_async_context(flushing(desk))
            if viewing is not None:
                await open_.enter_async_context(sweeping(viewing))
            await serve(app, build_admin(app), city.web_host, *ports, stop, tls=tls, behind_proxy=city.behind_proxy)


def assuring_of(setting: Setting) -> tuple[Assuring, GivingDesk, Asked[bytes], Asked[bytes]]:
    """What stands behind the report; and those parts of it that must be ended with the door."""
    root = setting.home.root
    giving, statements, risks = GivingDesk(root), asked_statements(root), asked_risks(root)
    assuring = Assuring(entry=partial(entry_told, setting.home), statements=statements, risks=risks, given=giving)
    return assuring, giving, statements, risks


def proposing_of(setting: Setting) -> ProposalDesk | None:
    """A proposal is laid over the declaration as it lies there; a twin's lies nowhere whole."""
    return None if setting.city.exercise is not None else ProposalDesk(Path(setting.city.place))


def tls_of(setting: Setting) -> Tls | None:
    """How the door is sealed. Clients are asked for a certificate only where a recipient proves itself by one."""
    city = setting.city
    if city.web_tls is None:
        return None
    asked = any(asks_by_certificate(one) for one in setting.loaded.place.recipients.values())
    return Tls(Path(city.web_tls[0]), Path(city.web_tls[1]), setting.home.keys / "ca.pem" if asked else None)


def doors_of(
    setting: Setting,
    world: Outside,
    releasing: ReleaseDesk | None = None,
    oidc: OidcSettings | None = None,
    viewing: ViewDesk | None = None,
) -> Doors:
    """The door's ports, filled."""
    ngsi_ld, exercise = world.ngsi_ld, setting.city.exercise
    return Doors(
        place=shown_as(setting.loaded.place, exercise),
        exercise=None if exercise is None else Exercised(exercise.id, exercise.secret),
        registry=setting.registry,
        clock=setting.city.city_clock,
        digest=setting.loaded.digest,
        where=setting.loaded.where,
        state=setting.state,
        history=setting.history(),
        credentials=setting.state,
        sessions=setting.state,
        intake=world.intake,
        entities=Entities(
            split=ngsi_ld.split,
            device_of=ngsi_ld.device_of,
            id_of=ngsi_ld.id_of,
            type_of=ngsi_ld.type_of,
            normalized=ngsi_ld.normalized,
            simplified=ngsi_ld.simplified,
        ),
        tiles=world.tiles,
        ledger=world.ledger,
        events=world.events,
        watch=setting.state.watch,
        handing=HandDesk(setting),
        registering=RegisterDesk(setting, world.events),
        containing=ContainmentDesk(setting),
        posturing=PostureDesk(setting, world.events),
        overriding=OverrideDesk(setting, world.events),
        services=setting.state.services,
        forecasts=setting.state.services,
        releasing=releasing,
        received=ReceivedDesk(setting),
        following=partial(facts_of, setting),
        changed=partial(changed_since, setting.home),
        lessening=LesseningDesk(),
        drawn=DrawnFile.of(setting.home),
        viewing=viewing,
        pictures=world.pictures,
        segments=setting.state.segments,
        camera_told=lambda: camera_told(setting),
        opened=OpenDesk(setting),
        people=PeopleDesk(setting, world.events),
        oidc=oidc,
        backlog=world.backlog,
        roles=lambda: role_counts(setting),
        secure=setting.city.web_tls is not None or setting.city.behind_proxy,
    )


def shown_as(place: Place, exercise: Exercise | None) -> Place:
    """The place under the name that pages show: nobody shall take a twin for the city."""
    return place if exercise is None else structs.replace(place, name=f"EXERCISE {exercise.id}: {place.name}")


def oidc_of(found: Provider | None) -> OidcSettings | None:
    """The city's OpenID provider, if it has one."""
    if found is None:
        return None
    return OidcSettings(
        issuer=found.issuer, client=found.client, secret=found.secret, scopes=found.scopes, fetch=found.fetch
    )
