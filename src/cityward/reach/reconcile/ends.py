"""Whose address, name or id something is: the two ends of what was seen, traced to the declaration.

A declared address is looked for first, the longest prefix winning, then the exact name, then the longest `*.`; then an id. What
none of these names stays what it is: a text nobody declared.

INVARIANT: total. Any text gives an `End`; a malformed address is a name that nothing has.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from cityward.place.addresses import read_address
from cityward.place.model import Place
from cityward.place.things import Device, System
from cityward.reach.exposure.declared import Declared

_NAME_MOST = 255
_REMEMBERED = 1 << 16  # texts; SECURITY: a log of a hundred million strangers is looked up, and not kept


@dataclass(frozen=True, slots=True)
class End:
    """One end. All but `text` are empty where nothing declared has it.

    `record` is the declared record: the group of a member. `party` is who operates it, or the party itself; `site` is empty where
    the site is not known.
    """

    text: str
    id: str = ""
    record: str = ""
    path: str = ""
    party: str = ""
    site: str = ""
    everybody: bool = False  # a multicast or broadcast address

    @property
    def kind(self) -> str:
        """`devices`, `systems`, `parties`, or "" where nothing declared has it."""
        return self.path.partition(".")[0]


class Ends:
    """Finds ends. Answers are kept, up to a bound: a log names the same few ends a million times."""

    def __init__(self, place: Place) -> None:
        self.declared = Declared(place)
        self._place = place
        self._blocks: dict[tuple[int, int], dict[int, str]] = {}  # (version, prefix length) -> network -> path
        self._names: dict[str, str] = {}
        self._found: dict[str, End] = {}
        for kind, records in (("parties", place.parties), ("systems", place.systems), ("devices", place.devices)):
            for name, record in records.items():
                for text in record.addresses:
                    self._take(text, f"{kind}.{name}")
        self._lengths = sorted(self._blocks, reverse=True)
        self._with_systems = {system.operator for system in place.systems.values() if system.addresses}

    def _take(self, text: str, path: str) -> None:
        address = read_address(text)
        if isinstance(address, str):
            self._names[address] = path
        else:
            block = self._blocks.setdefault((address.version, address.prefixlen), {})
            block[int(address.network_address)] = path

    def find(self, text: str) -> End:
        """Whose this is."""
        end = self._found.get(text)
        if end is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            end = self._found[text] = self._look(text)
        return end

    def either_declared(self, source: str, destination: str) -> bool:
        """Whether one of two ends is declared. What passes between others is no business of the declaration (`matching`)."""
        return bool(self.find(source).id or self.find(destination).id)

    def _look(self, text: str) -> End:
        try:
            address = ip_address(text.strip("[]").partition("%")[0])
        except ValueError:
            return self._by_name(text)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        number, bits = int(address), address.max_prefixlen
        for version, length in self._lengths:
            if version == address.version:
                path = self._blocks[version, length].get(number >> (bits - length) << (bits - length))
                if path is not None:
                    return self._end(text, path)
        everybody = address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255"
        return End(text, everybody=everybody)

    def _by_name(self, text: str) -> End:
        name = text.lower().removesuffix(".")
        path = self._names.get(name)
        rest = name if len(name) <= _NAME_MOST else ""
        while path is None and rest:
            rest = rest.partition(".")[2]
            path = self._names.get(f"*.{rest}")
        return self._end(text, path) if path is not None else self._by_id(text)

    def _by_id(self, text: str) -> End:
        place = self._place
        group = self.declared.group_of.get(text, text)
        for kind, records in (("devices", place.devices), ("systems", place.systems), ("parties", place.parties)):
            if group in records:
                return self._end(text, f"{kind}.{group}", text)
        return End(text)

    def _end(self, text: str, path: str, name: str = "") -> End:
        kind, _, record = path.partition(".")
        if kind == "parties":
            return End(text, record, record, path, party=record)
        thing: System | Device = (self._place.systems if kind == "systems" else self._place.devices)[record]
        operator = thing.operator or (thing.owner if isinstance(thing, Device) else "")
        party = operator if operator in self._place.parties else ""
        site = thing.site if thing.site in self._place.sites else ""
        return End(text, name or record, record, path, party, site)

    def has_address(self, name: str) -> bool:
        """Whether a log could show this end of a flow: it has addresses, or is a party with a system that has."""
        place = self._place
        group = self.declared.group_of.get(name, name)
        if group in place.devices:
            return bool(place.devices[group].addresses)
        if name in place.systems:
            return bool(place.systems[name].addresses)
        return name in place.parties and (bool(place.parties[name].addresses) or name in self._with_systems)

    def lies_in(self, site: str, places: tuple[str, ...]) -> bool:
        """Whether a site is one of these sites, or lies in one of these jurisdictions."""
        inside, jurisdiction = self.declared.inside, self._place.sites[site].jurisdiction
        return any(place == site or jurisdiction in inside.get(place, ()) for place in places)
