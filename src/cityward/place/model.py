"""The whole declaration, as one value."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from cityward.ids import Id
from cityward.place.alerts import AlertChannel
from cityward.place.budgets import Budget
from cityward.place.cameras import Camera
from cityward.place.containing import Containing
from cityward.place.data import Access, Dataset, Flow, Key
from cityward.place.house_rules import HouseRule
from cityward.place.incident_files import IncidentFiles
from cityward.place.junctions import Junction
from cityward.place.parties import Agreement, Instrument, Jurisdiction, Party
from cityward.place.release import Form, Posture, Recipient
from cityward.place.roles import Role
from cityward.place.services import Forecast, Function, Purpose, Service
from cityward.place.supplier_evidence import SupplierEvidence
from cityward.place.things import Area, Conduit, Device, DeviceModel, Position, Site, System, Zone
from cityward.place.witnesses import Witness


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A connected place. Every kind is a mapping of id to record; `include` names further files, merged without overlap."""

    place: Id
    name: str
    position: Position
    timezone: Annotated[str, Meta(max_length=64)] = "UTC"  # IANA
    responsible: Id  # the party that answers for the place
    platform: Id | None = None  # the system that is this Cityward itself: in scope like any other
    include: tuple[str, ...] = ()
    containing: Containing = Containing()
    incidents: IncidentFiles = IncidentFiles()
    receipts_days: Annotated[int, Meta(ge=31, le=36_500)] = (
        400  # receipts are found here so long; the evidence keeps them all
    )

    parties: dict[Id, Party] = {}
    jurisdictions: dict[Id, Jurisdiction] = {}
    instruments: dict[Id, Instrument] = {}
    agreements: dict[Id, Agreement] = {}
    purposes: dict[Id, Purpose] = {}
    areas: dict[Id, Area] = {}
    sites: dict[Id, Site] = {}
    zones: dict[Id, Zone] = {}
    conduits: dict[Id, Conduit] = {}
    systems: dict[Id, System] = {}
    device_models: dict[Id, DeviceModel] = {}
    devices: dict[Id, Device] = {}
    datasets: dict[Id, Dataset] = {}
    flows: dict[Id, Flow] = {}
    accesses: dict[Id, Access] = {}
    keys: dict[Id, Key] = {}
    services: dict[Id, Service] = {}
    functions: dict[Id, Function] = {}
    forecasts: dict[Id, Forecast] = {}
    junctions: dict[Id, Junction] = {}
    cameras: dict[Id, Camera] = {}
    rules: dict[Id, HouseRule] = {}
    budgets: dict[Id, Budget] = {}
    alerts: dict[Id, AlertChannel] = {}
    witnesses: dict[Id, Witness] = {}
    forms: dict[Id, Form] = {}
    recipients: dict[Id, Recipient] = {}
    postures: dict[Id, Posture] = {}
    roles: dict[Id, Role] = {}
    supplier_evidence: dict[Id, SupplierEvidence] = {}
