"""Recipients, forms and postures: that what is to leave may, by a way that is there, to where the declaration says.

The gate asks most of this again, of everything that leaves; here a person reads it before anything does.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from cityward.place.addresses import Address, read_address
from cityward.place.checks.whole import Problem, Whole, Word
from cityward.place.checks.whole import recipient as receiver
from cityward.place.data import Flow, Observability, Protection
from cityward.place.hints import listed, shown
from cityward.place.outlets import PROTOCOLS_OF, SCHEMES_OF, Outlet, read_outlet
from cityward.place.record import UNKNOWN
from cityward.place.release import Posture, Recipient
from cityward.place.roles import Right


def recipients_have_their_flows(whole: Whole) -> Iterator[Problem]:
    """Each flow of a recipient leaves here, by agreement, for its party; none carries what another one carries already."""
    for name, recipient in whole.place.recipients.items():
        carried: dict[tuple[str, str], str] = {}
        for k, flow_id in enumerate(recipient.flows):
            flow, path = whole.place.flows.get(flow_id), f"recipients.{name}.flows[{k}]"
            if flow is None:
                continue
            yield from _leaves_for(whole, path, flow_id, flow, recipient)
            for dataset in flow.datasets:
                other = carried.setdefault((dataset, flow.purpose), flow_id)
                if other != flow_id:
                    what = f"`{flow_id}` carries `{dataset}` for `{flow.purpose}`, as `{other}` does already"
                    yield Problem(path, what, "keep one of the two for this recipient")


def what_is_made_here_is_told_in_cells(whole: Whole) -> Iterator[Problem]:
    """A dataset made of others names what of them it tells, in cells; no flow brings it, and it hides no personal data."""
    datasets, place = whole.place.datasets, whole.place
    into = {d for flow in place.flows.values() if flow.to == place.platform for d in flow.datasets}
    for name, dataset in datasets.items():
        sources = [datasets[one] for one in dataset.made_of if one in datasets]
        if not dataset.made_of:
            continue
        path = f"datasets.{name}.made_of"
        known = {prop for one in sources for prop in one.properties}
        if not dataset.properties or not known.issuperset(dataset.properties):
            named, there = listed(dataset.properties) or "none", listed(sorted(known))
            what = f"it names {named}; of {listed(dataset.made_of)} there is {there}"
            yield Problem(path, what, "name `properties` of the datasets it is made of")
        form = place.forms.get(dataset.release_form or "")
        if form is None or form.aggregate is None:
            what = (
                f"`{name}` is made of {listed(dataset.made_of)}, and not held to cells; so it would tell their readings"
            )
            yield Problem(path, what, "name a `release_form` with `aggregate`")
        if any(one.personal for one in sources) and not dataset.personal:
            yield Problem(path, "it is made of personal data", "declare it `personal: true`, with its basis")
        if any(one.made_of for one in sources):
            yield Problem(path, "it is made of what is made here itself", "name the datasets of observations")
        if name in into:
            yield Problem(path, f"a flow brings `{name}` in, and it is made here too", "keep one of the two")


def _leaves_for(whole: Whole, path: str, flow_id: str, flow: Flow, recipient: Recipient) -> Iterator[Problem]:
    if flow.from_ != whole.place.platform:
        what = f"flow `{flow_id}` begins at `{flow.from_}`; what is released begins at the platform"
        yield Problem(path, what, "name a flow from the place's `platform`")
    if flow.observability is not Observability.ENFORCED:
        what = f"flow `{flow_id}` is declared as `{flow.observability}`; only what passes here can be released"
        yield Problem(path, what, "mark the flow `enforced`, if it leaves by this platform")
    party = receiver(whole, flow)
    if party != recipient.party and not _run_by_nobody_known(whole, flow):
        whose = f"whose operator is {shown(party)}" if flow.to in whole.place.systems else "which is another party"
        what = f"flow `{flow_id}` leads to `{flow.to}`, {whose}, not `{recipient.party}`"
        yield Problem(path, what, f"name a flow to `{recipient.party}`, or its own recipient for `{flow.to}`")
    if flow.agreement is None:
        what = f"flow `{flow_id}` names no agreement; nothing is released without one"
        yield Problem(f"flows.{flow_id}.agreement", what, f"name the agreement with `{recipient.party}` in the flow")
    by = recipient.by if recipient.by in PROTOCOLS_OF else recipient.endpoint.partition(":")[0]
    if by in PROTOCOLS_OF and flow.protocol not in PROTOCOLS_OF[by]:
        what = f"flow `{flow_id}` is declared as `{flow.protocol}`; a recipient by `{recipient.by}` takes `{by}`"
        what = what if by != recipient.by else f"flow `{flow_id}` is declared as `{flow.protocol}`, asked for by `{by}`"
        yield Problem(path, what, f"declare the flow as {listed(PROTOCOLS_OF[by])}")


def _run_by_nobody_known(whole: Whole, flow: Flow) -> bool:
    system = whole.place.systems.get(flow.to)
    return system is not None and system.operator == UNKNOWN


def recipients_can_be_reached(whole: Whole) -> Iterator[Problem]:
    """What is called has an endpoint among its addresses; what asks has none, and asks from blocks."""
    for name, recipient in whole.place.recipients.items():
        path = f"recipients.{name}"
        yield from _addresses(path, recipient)
        if recipient.by in SCHEMES_OF:
            yield from _called(whole, path, recipient)
        for field in () if recipient.by in SCHEMES_OF else ("endpoint", "store"):
            if getattr(recipient, field):
                what = f"a recipient by `{recipient.by}` asks by itself: it has no `{field}`"
                yield Problem(f"{path}.{field}", what, "leave it out, or use `webhook` or `export`")
        yield from _sign_in(path, recipient)


def _addresses(path: str, recipient: Recipient) -> Iterator[Problem]:
    for k, text in enumerate(recipient.addresses):
        try:
            address = read_address(text)
        except ValueError as error:
            what, _, mend = str(error).partition("; ")
            yield Problem(f"{path}.addresses[{k}]", f"found {shown(text)}: {what}", mend or "write it shorter")
            continue
        if isinstance(address, str) and recipient.by not in SCHEMES_OF:
            what = f"`{text}` is a name; by whom a question is asked is told by its address alone"
            yield Problem(f"{path}.addresses[{k}]", what, "write the block it asks from, such as `192.0.2.0/28`")


def _called(whole: Whole, path: str, recipient: Recipient) -> Iterator[Problem]:
    schemes = SCHEMES_OF[recipient.by]
    try:
        outlet = read_outlet(recipient.endpoint, recipient.store)
    except ValueError as error:
        yield Problem(f"{path}.endpoint", f"the endpoint cannot be read: {error}", f"write `{_EXAMPLES[recipient.by]}`")
        return
    if outlet.scheme not in schemes:
        what = f"a recipient by `{recipient.by}` has no endpoint by `{outlet.scheme}`"
        yield Problem(f"{path}.endpoint", what, f"write `{_EXAMPLES[recipient.by]}`")
    if recipient.store and outlet.scheme != "s3":
        yield Problem(f"{path}.store", f"an endpoint by `{outlet.scheme}` has no `store`", "leave it out")
    yield from _sealed(whole, path, recipient, outlet)
    yield from _is_there(path, recipient, outlet)


_EXAMPLES = {"webhook": "https://host/path", "export": "s3://bucket/prefix or sftp://user@host/path"}


def _sealed(whole: Whole, path: str, recipient: Recipient, outlet: Outlet) -> Iterator[Problem]:
    field = "store" if outlet.scheme == "s3" else "endpoint"
    flows = {name: whole.place.flows[name] for name in recipient.flows if name in whole.place.flows}
    sealed = [name for name, flow in flows.items() if flow.protection is not Protection.NONE]
    if getattr(recipient, field).startswith("http:") and sealed and not _is_loopback(outlet.host):
        what = f"`http` protects nothing; {listed(sealed)} say otherwise"
        yield Problem(f"{path}.{field}", what, "use `https`, or declare `protection: none`")


def _is_there(path: str, recipient: Recipient, outlet: Outlet) -> Iterator[Problem]:
    """The host is declared; and where it is a name, so is at least one block it may resolve into."""
    known = [address for text in recipient.addresses if (address := _read(text)) is not None]
    blocks = [address for address in known if not isinstance(address, str)]
    try:
        here = ip_address(outlet.host)
    except ValueError:
        if not any(isinstance(a, str) and _names(a, outlet.host) for a in known):
            what = f"`{outlet.host}` is none of the recipient's addresses"
            yield Problem(f"{path}.addresses", what, "add it, if it is theirs")
        if not blocks and outlet.host != "localhost":
            what = f"`{outlet.host}` is a name, and no block is declared that it leads into: it could move anywhere"
            yield Problem(f"{path}.addresses", what, "add the blocks it may resolve to, such as `192.0.2.0/28`")
        return
    if not any(here in block for block in blocks):
        what = f"`{outlet.host}` is none of the recipient's addresses"
        yield Problem(f"{path}.addresses", what, "add it, if it is theirs")


def _read(text: str) -> Address | None:
    try:
        return read_address(text)
    except ValueError:
        return None


def _names(known: str, host: str) -> bool:
    return known == host or (known.startswith("*.") and host.endswith(known[1:]))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _sign_in(path: str, recipient: Recipient) -> Iterator[Problem]:
    for field in ("issuer", "client"):
        given = getattr(recipient, field)
        if recipient.sign_in == "oidc" and not given:
            yield Problem(f"{path}.{field}", f"`oidc` needs `{field}`", "write it as its provider gave it")
        elif recipient.sign_in != "oidc" and given:
            yield Problem(f"{path}.{field}", f"`{recipient.sign_in}` has no `{field}`", "leave it out, or use `oidc`")
    if recipient.sign_in == "oidc" and recipient.issuer and not recipient.issuer.startswith("https://"):
        yield Problem(f"{path}.issuer", f"`{recipient.issuer}` is no `https://` address", "write the issuer's address")
    if recipient.sign_in != "key" and recipient.by in SCHEMES_OF:
        what = f"a recipient by `{recipient.by}` is called by us, and cannot sign in by `{recipient.sign_in}`"
        yield Problem(f"{path}.sign_in", what, "leave `sign_in` out: `cityward recipient add` takes what we need")
    elif recipient.sign_in == "oidc" and recipient.by != "query":
        what = f"a recipient by `{recipient.by}` cannot sign in by `oidc`"
        yield Problem(f"{path}.sign_in", what, "use `key` or `certificate`; only `query` takes `oidc`")


def people_are_released_on_a_basis(whole: Whole) -> Iterator[Problem]:
    """What is about people leaves on a declared basis; a special category on one of its own, too."""
    told: set[str] = set()
    for name, recipient in whole.place.recipients.items():
        for dataset_id in _datasets(whole, recipient):
            dataset, path = whole.place.datasets[dataset_id], f"datasets.{dataset_id}"
            if dataset_id in told:
                continue
            told.add(dataset_id)
            if dataset.personal and dataset.basis is None:
                what = f"`{dataset_id}` is personal, leaves to recipient `{name}`, and has no basis"
                yield Problem(f"{path}.basis", what, "declare the lawful basis: `basis: public-task`, or take it out")
            if dataset.special and not dataset.special_basis.strip():
                what = (
                    f"`{dataset_id}` is a special category, leaves to recipient `{name}`, and has no basis of its own"
                )
                yield Problem(f"{path}.special_basis", what, "write on what it rests, or take it out of the flow")


def _datasets(whole: Whole, recipient: Recipient) -> Iterator[str]:
    flows = (whole.place.flows[name] for name in recipient.flows if name in whole.place.flows)
    yield from dict.fromkeys(name for flow in flows for name in flow.datasets if name in whole.place.datasets)


def postures_take_something(whole: Whole) -> Iterator[Problem]:
    """A posture stops something or holds it to a form, and those who switch it have the right to."""
    for name, posture in whole.place.postures.items():
        path = f"postures.{name}"
        if posture.form is None and not any(getattr(posture, field) for field in _STOPS):
            what = "stops nothing, and holds nothing to a form"
            yield Problem(path, what, f"give it `form`, or one of {listed(_STOPS)}")
        for k, role_id in enumerate(posture.by):
            role = whole.place.roles.get(role_id)
            if role is not None and Right.POSTURE not in role.rights:
                what = f"role `{role_id}` is to switch it, and has no right `posture`"
                yield Problem(f"{path}.by[{k}]", what, f"add it to roles.{role_id}.rights, or name another role")
        if posture.two_person and _alone(whole, posture):
            what = "a second person must agree, and nobody else could: no role has the right `approve`"
            yield Problem(f"{path}.two_person", what, "give a role the right `approve`")


_STOPS = ("stop_datasets", "stop_parties", "stop_jurisdictions", "stop_purposes", "stop_sensitivity")


def _alone(whole: Whole, posture: Posture) -> bool:
    return not any(Right.APPROVE in role.rights for role in whole.place.roles.values())


# --- warnings


def recipients_that_get_nothing(whole: Whole) -> Iterator[Problem]:
    """A dataset that a recipient can never be given: its endpoint, or its party's home, lies where the dataset may not be."""
    inside = _within(whole)
    for name, recipient in whole.place.recipients.items():
        for flow_id in recipient.flows:
            flow = whole.place.flows.get(flow_id)
            if flow is not None and _run_by_nobody_known(whole, flow):
                what = f"recipient `{name}` is given nothing by `{flow_id}`: who operates `{flow.to}` is not known"
                yield Problem(f"recipients.{name}", what, "find out, and declare it as its `operator`", Word.NEVER)
        for dataset_id in _datasets(whole, recipient):
            allowed = whole.place.datasets[dataset_id].allowed_jurisdictions
            reachable = {part for land in allowed for part in inside.get(land, ())}
            never = f"recipient `{name}` can never be given `{dataset_id}`"
            if _nowhere(whole, dataset_id):
                mend = "name those it may go to in `allowed_jurisdictions`, or take it out of the flow"
                yield Problem(f"recipients.{name}", f"{never}: it is allowed in no jurisdiction", mend, Word.NEVER)
            for words, land in _homes(whole, recipient) if allowed else ():
                if land != UNKNOWN and land not in reachable:
                    what = f"{never}: {words} in `{land}`, and it may be in {listed(allowed)}"
                    mend = "take it out of the flow, or allow that jurisdiction"
                    yield Problem(f"recipients.{name}", what, mend, Word.NEVER)


def _homes(whole: Whole, recipient: Recipient) -> Iterator[tuple[str, str]]:
    """(why, jurisdiction) of those that count whatever else is known; the gate counts more."""
    yield "its addresses are", recipient.jurisdiction
    party = whole.place.parties.get(recipient.party)
    if party is not None:
        yield f"`{recipient.party}` is incorporated", party.incorporated_in


def addresses_of_others(whole: Whole) -> Iterator[Problem]:
    """A recipient's block in which something of another party stands: it would be taken for the recipient."""
    stands = list(_others(whole))
    for name, recipient in whole.place.recipients.items():
        for k, text in enumerate(recipient.addresses):
            block = _read(text)
            for path, party, other in stands if block is not None else ():
                if party != recipient.party and _meet(block, other):
                    what = f"`{text}` of recipient `{name}` is, or holds, an address of `{path}`"
                    mend = "leave it to one of them, or write the smaller block"
                    yield Problem(f"recipients.{name}.addresses[{k}]", what, mend, Word.OTHERS)


def _others(whole: Whole) -> Iterator[tuple[str, str | None, Address]]:
    """(path, party, address) of every thing and party that has some."""
    place = whole.place
    whose: list[tuple[str, str | None, tuple[str, ...]]] = [
        *((f"systems.{name}", system.operator, system.addresses) for name, system in place.systems.items()),
        *((f"devices.{name}", one.operator or one.owner, one.addresses) for name, one in place.devices.items()),
        *((f"parties.{name}", name, party.addresses) for name, party in place.parties.items()),
    ]
    for path, party, texts in whose:
        yield from ((path, party, address) for text in texts if (address := _read(text)) is not None)


def _meet(one: Address | None, other: Address) -> bool:
    if isinstance(one, str) or isinstance(other, str) or one is None:
        return one == other
    return one.version == other.version and one.overlaps(other)


def _nowhere(whole: Whole, dataset_id: str) -> bool:
    dataset = whole.place.datasets[dataset_id]
    closed = dataset.personal or dataset.special or dataset.sensitivity in ("restricted", "secret")
    return closed and not dataset.allowed_jurisdictions


def _within(whole: Whole) -> dict[str, set[str]]:
    """Jurisdiction -> itself and all that lie in it, by `members` and `parent`."""
    parts: dict[str, set[str]] = {name: {name} for name in whole.place.jurisdictions}
    for name, land in whole.place.jurisdictions.items():
        parts[name].update(land.members)
        if land.parent in parts:
            parts[land.parent].add(name)
    grew = True
    while grew:
        larger = {name: {deep for part in own for deep in parts.get(part, {part})} for name, own in parts.items()}
        grew, parts = larger != parts, larger
    return parts
