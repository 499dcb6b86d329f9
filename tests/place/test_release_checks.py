"""What is said of recipients, postures and roles that do not hold together, and of those that hold but get nothing."""

from __future__ import annotations

import pytest

from cityward.place.checks.whole import Word
from cityward.place.outlets import Outlet, read_outlet
from declarations import errors_of, loaded, town

QUERY = "{party: acme, flows: [to-acme], by: query, addresses: [192.0.2.0/24], jurisdiction: xb}"
HOOK = """{party: acme, flows: [to-acme], by: webhook, endpoint: "https://hook.acme.example/in",
    addresses: [hook.acme.example, 192.0.2.0/28], jurisdiction: xb}"""
EXPORT = """{party: acme, flows: [to-acme], by: export, endpoint: "s3://bucket/in", store: "https://store.acme.example",
    addresses: ["*.acme.example", 192.0.2.0/28], jurisdiction: xb}"""
CRISIS = "{by: [officer], stop_datasets: [counts]}"
OFFICER = "{party: council, rights: [look, posture, approve]}"


def declared(
    recipient: str = QUERY, posture: str = CRISIS, role: str = OFFICER, *edits: tuple[str, str], more: str = ""
) -> str:
    return (
        town(*edits)
        + f"recipients:\n  way: {recipient}\npostures:\n  crisis: {posture}\nroles:\n  officer: {role}\n{more}"
    )


@pytest.mark.parametrize("recipient", [QUERY, HOOK, EXPORT], ids=["query", "webhook", "export"])
def test_a_recipient_that_is_declared_well_raises_neither_error_nor_warning(recipient: str):
    found = loaded(declared(recipient))
    assert found.warnings == ()
    assert set(found.place.recipients) == {"way"}


def sql(old: str, new: str, of: str = QUERY) -> str:
    assert of.count(old) == 1
    return of.replace(old, new)


FLOW = "    to: acme\n    datasets: [counts]\n    purpose: planning\n    protocol: http\n    agreement: acme-2026\n"
TWICE = FLOW + "    observability: enforced\n  also:\n    from: cityward\n" + FLOW

WRONG: dict[str, tuple[str, str]] = {
    "a flow that does not begin here": (
        declared(sql("[to-acme]", "[counts-in]")),
        "begins at `counter-1`; what is released begins at the platform",
    ),
    "a flow that is not enforced": (
        declared(QUERY, CRISIS, OFFICER, ("acme-2026\n    observability: enforced", "acme-2026\n    observability: inferred")),
        "declared as `inferred`; only what passes here can be released",
    ),
    "a flow to somebody else": (
        declared(sql("party: acme,", "party: acme-group,")),
        "flow `to-acme` leads to `acme`, which is another party, not `acme-group`",
    ),
    "a flow to somebody else's system": (
        declared(sql("party: acme,", "party: acme-group,"), CRISIS, OFFICER, ("    to: acme\n", "    to: workbench\n")),
        "leads to `workbench`, whose operator is `acme`, not `acme-group`",
    ),
    "no agreement": (
        declared(QUERY, CRISIS, OFFICER, ("    to: acme\n", "    to: workbench\n"), ("    agreement: acme-2026\n", "")),
        "names no agreement; nothing is released without one",
    ),
    "a protocol that does not fit": (
        declared(sql("by: query", "by: live")),
        "declared as `http`, asked for by `live`",
    ),
    "a protocol that does not fit the endpoint": (
        declared(HOOK.replace("webhook", "export").replace("https://hook.acme.example/in", "sftp://us@hook.acme.example/in")),
        "a recipient by `export` takes `sftp`",
    ),
    "the same twice": (
        declared(sql("[to-acme]", "[to-acme, also]"), CRISIS, OFFICER, (FLOW, TWICE)),
        "`also` carries `counts` for `planning`, as `to-acme` does already",
    ),
    "a name where a block is needed": (
        declared(sql("192.0.2.0/24", "acme.example")),
        "`acme.example` is a name; by whom a question is asked is told by its address alone",
    ),
    "no address at all": (declared(sql("192.0.2.0/24", "192.0.2.0.1")), "it is no IP address or block"),
    "an endpoint for who asks": (
        declared(sql("by: query", "by: query, endpoint: 'https://a.example'")), "it has no `endpoint`"
    ),
    "no endpoint for who is called": (
        declared(sql("by: query", "by: webhook")), "the endpoint cannot be read: its scheme is none of"
    ),
    "an endpoint of another way": (
        declared(HOOK.replace("webhook", "export")), "a recipient by `export` has no endpoint by `https`"
    ),
    "an endpoint elsewhere": (
        declared(HOOK.replace("https://hook.", "https://hock.")), "`hock.acme.example` is none of the recipient's addresses"
    ),
    "an address elsewhere": (
        declared(HOOK.replace("https://hook.acme.example", "https://198.51.100.1")),
        "`198.51.100.1` is none of the recipient's addresses",
    ),
    "a name that could move": (
        declared(HOOK.replace(", 192.0.2.0/28", "")), "no block is declared that it leads into: it could move anywhere"
    ),
    "an open endpoint": (declared(HOOK.replace("https:", "http:")), "`http` protects nothing; `to-acme` say otherwise"),
    "a store that is none": (declared(EXPORT.replace("https://store", "ftp://store")), "its `store` is no address"),
    "a store for a webhook": (
        declared(HOOK.replace("by: webhook,", "by: webhook, store: 'https://hook.acme.example',")),
        "an endpoint by `https` has no `store`",
    ),
    "oidc without its provider": (declared(sql("by: query", "by: query, sign_in: oidc")), "`oidc` needs `issuer`"),
    "a provider without oidc": (
        declared(sql("by: query", "by: query, issuer: 'https://id.example'")), "`key` has no `issuer`"
    ),
    "an open provider": (
        declared(sql("by: query", "by: query, sign_in: oidc, issuer: 'http://id.example', client: acme")),
        "`http://id.example` is no `https://` address",
    ),
    "oidc for who is called": (
        declared(HOOK.replace("by: webhook,", "by: webhook, sign_in: oidc, issuer: 'https://id.example', client: acme,")),
        "cannot sign in by `oidc`",
    ),
    "a certificate for who is called": (
        declared(HOOK.replace("by: webhook,", "by: webhook, sign_in: certificate,")),
        "is called by us, and cannot sign in by `certificate`",
    ),
    "personal data without a basis": (
        declared(QUERY, CRISIS, OFFICER, ("    personal: false\n", "    personal: true\n    allowed_jurisdictions: [xb]\n")),
        "`counts` is personal, leaves to recipient `way`, and has no basis",
    ),
    "a special category without one of its own": (
        declared(QUERY, CRISIS, OFFICER, ("    personal: false\n",
            "    personal: true\n    basis: consent\n    special: true\n    allowed_jurisdictions: [xb]\n")),
        "special category, leaves to recipient `way`, and has no basis of its own",
    ),
    "a posture that takes nothing": (declared(QUERY, "{by: [officer]}"), "stops nothing, and holds nothing to a form"),
    "a posture that its role may not switch": (
        declared(QUERY, CRISIS, "{party: council, rights: [look]}"), "role `officer` is to switch it, and has no right"
    ),
    "a posture nobody could agree to": (
        declared(QUERY, CRISIS[:-1] + ", two_person: true}", "{party: council, rights: [look, posture]}"),
        "a second person must agree, and nobody else could",
    ),
    "a role that may everything": (
        declared(QUERY, CRISIS, "{party: council, rights: [look, data, operate, watch, contain, approve, devices, recipients, "
            "people, posture, audit, view]}"),
        "holds every right there is",
    ),
    "a role that could give itself the rest": (
        declared(QUERY, CRISIS, "{party: council, rights: [posture, people, contain]}"),
        "gives roles (`people`) and has `contain` itself",
    ),
    "a second person for what it may not": (
        declared(QUERY, CRISIS, OFFICER[:-1] + ", two_person: [contain]}"), "the role has no right `contain`"
    ),
    "a second person who is nobody": (
        declared(QUERY, CRISIS, "{party: council, rights: [posture], two_person: [posture]}"),
        "no role has the right `approve`",
    ),
    "people from a name": (
        declared(QUERY, CRISIS, OFFICER[:-1] + ", from_addresses: [desk.example]}"), "`desk.example` is a name"
    ),
    "people from nowhere": (
        declared(QUERY, CRISIS, OFFICER[:-1] + ", from_addresses: [300.1.1.1]}"), "it is no IP address or block"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_hold_together_is_one_error_with_a_mend(name: str):
    text, expected = WRONG[name]
    found = errors_of(text)
    assert [expected in error for error in found].count(True) == 1, found
    assert all("\n  mend:  " in error for error in found)


SOURCE = "    properties: [vehicle-speed, vehicle-count]\n"
CELLS = "forms:\n  cells: {aggregate: {least: 5, period_s: 3600}}\n"
HOURS = (
    "  hours: {personal: false, sensitivity: public, retention_days: 365, properties: [vehicle-speed], made_of: [counts], "
    "%s}\n"
)


def made(more: str = "release_form: cells", *edits: tuple[str, str]) -> str:
    return declared(QUERY, CRISIS, OFFICER, (SOURCE, SOURCE + HOURS % more), *edits, more=CELLS)


def test_what_is_made_of_others_here_and_told_in_cells_holds():
    assert loaded(made()).place.datasets["hours"].made_of == ("counts",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(made("note: ''"), "so it would tell their readings", id="no cells"),
        pytest.param(made().replace("properties: [vehicle-speed], made_of", "properties: [lamp-level], made_of"),
                     "it names `lamp-level`; of `counts` there is", id="nothing of theirs"),
        pytest.param(made().replace("properties: [vehicle-speed], made_of", "made_of"), "it names none", id="nothing"),
        pytest.param(made().replace("made_of: [counts]", "made_of: [hours]"), "made of what is made here itself", id="itself"),
        pytest.param(made().replace("cityward, datasets: [counts]", "cityward, datasets: [counts, hours]"),
                     "a flow brings `hours` in, and it is made here too", id="brought"),
        pytest.param(made().replace("  counts:\n    personal: false", "  counts:\n    personal: true\n    basis: public-task"),
                     "it is made of personal data", id="personal"),
    ],
)  # fmt: skip
def test_what_is_made_of_others_hides_nothing_of_them(text: str, said: str):
    assert any(said in error for error in errors_of(text)), errors_of(text)


WARNED: dict[str, tuple[str, Word, str]] = {
    "an endpoint where the data may not be": (
        declared(QUERY, CRISIS, OFFICER, ("retention_days: 365\n", "retention_days: 365\n    allowed_jurisdictions: [xa]\n")),
        Word.NEVER,
        "recipient `way` can never be given `counts`: its addresses are in `xb`, and it may be in `xa`",
    ),
    "data that is allowed nowhere": (
        declared(QUERY, CRISIS, OFFICER, ("public\n    retention_days: 365", "restricted\n    retention_days: 365")),
        Word.NEVER,
        "recipient `way` can never be given `counts`: it is allowed in no jurisdiction",
    ),
    "an address that is somebody else's": (
        declared(sql("192.0.2.0/24", "192.0.2.0/28"), CRISIS, OFFICER,
            ("core, operator: council", "core, operator: council, addresses: [192.0.2.7]")),
        Word.OTHERS,
        "`192.0.2.0/28` of recipient `way` is, or holds, an address of `systems.cityward`",
    ),
    "a system that nobody knows who runs": (
        declared(
            QUERY, CRISIS, OFFICER, ("    to: acme\n", "    to: workbench\n"),
            ("yard, operator: acme", "yard, operator: unknown"),
        ),
        Word.NEVER,
        "recipient `way` is given nothing by `to-acme`: who operates `workbench` is not known",
    ),
    "a role of a party without an access": (
        declared(more="  engineer: {party: acme, rights: [look, operate], services: [lights]}\n"),
        Word.NO_ACCESS,
        "people of `acme` may hold role `engineer`; no access of theirs to `cityward`, `lamps` is declared",
    ),
    "incidents shown to another party": (
        declared(more="  guard: {party: acme, rights: [look, watch]}\n"),
        Word.WATCHED_BY_OTHERS,
        "people of `acme` with role `guard` see every incident of the city, also those about others",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WARNED)
def test_what_holds_together_and_serves_nobody_is_a_warning(name: str):
    text, word, expected = WARNED[name]
    assert (word, expected) in [(warning.word, warning.what) for warning in loaded(text).warnings]


def test_a_member_of_an_allowed_bloc_is_no_reason_to_warn():
    bloc = ("  xb: {code: XB}", "  xb: {code: XB}\n  union: {code: XUN, kind: bloc, members: [xb]}")
    allowed = ("retention_days: 365\n", "retention_days: 365\n    allowed_jurisdictions: [union]\n")
    assert loaded(declared(QUERY, CRISIS, OFFICER, bloc, allowed)).warnings == ()


def test_an_address_of_its_own_system_is_no_reason_to_warn():
    own = ("yard, operator: acme}", 'yard, operator: acme, addresses: [192.0.2.7, "2001:db8::7", desk.acme.example]}')
    assert loaded(declared(QUERY, CRISIS, OFFICER, own)).warnings == ()


def test_a_role_with_a_declared_access_is_no_reason_to_warn():
    engineer = "  engineer: {party: acme, rights: [look, operate], services: [lights]}\n"
    access = "accesses:\n  bench: {party: acme, target: lamps, modes: [physical], from_places: [yard]}\n"
    assert loaded(declared(more=engineer + access)).warnings == ()


@pytest.mark.parametrize(
    ("endpoint", "store", "read"),
    [
        ("https://Hook.Example/in", "", Outlet("https", "hook.example", 443, "/in")),
        ("http://127.0.0.1:8080", "", Outlet("http", "127.0.0.1", 8080, "/")),
        ("sftp://us@files.example:2222/in/box", "", Outlet("sftp", "files.example", 2222, "/in/box", user="us")),
        ("s3://bucket/in", "https://s.example:9000/", Outlet("s3", "s.example", 9000, "/in", bucket="bucket")),
        ("https://[2001:db8::1]/in", "", Outlet("https", "2001:db8::1", 443, "/in")),
    ],
)
def test_an_endpoint_is_read(endpoint: str, store: str, read: Outlet):
    assert read_outlet(endpoint, store) == read


@pytest.mark.parametrize(
    ("endpoint", "store"),
    [
        ("", ""), ("hook.example/in", ""), ("ftp://hook.example/in", ""), ("https:///in", ""),
        ("https://me:secret@hook.example/in", ""), ("https://me@hook.example/in", ""), ("https://hook.example/in?key=1", ""),
        ("https://hook.example/a b", ""), ("https://hook.example\\@evil.example/", ""), ("https://höök.example/", ""),
        ("sftp://files.example/in", ""), ("sftp://us:secret@files.example/in", ""), ("s3:///in", "https://s.example"),
        ("s3://bucket/in", ""), ("s3://bucket/in", "https://me@s.example"), ("s3://bucket/in", "https://s.example/path"),
        ("https://hook.example:99999/", ""), ("https://[::1", ""),
    ],
)  # fmt: skip
def test_what_is_no_endpoint_is_refused_with_words(endpoint: str, store: str):
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        read_outlet(endpoint, store)


def test_a_name_that_names_nothing_is_told_with_what_was_meant():
    found = errors_of(
        declared(
            sql("jurisdiction: xb", "jurisdiction: xd, form: lte"),
            "{by: [offcer], stop_datasets: [count], areas: [quai], form: lat}",
            more="forms:\n  late: {delay_s: 3}\n",
        )
    )
    assert [error.splitlines()[0].partition(": ")[2] for error in found] == [
        "found `xd`, which is no jurisdiction",
        "found `lte`, which is no form (did you mean `late`?)",
        "found `quai`, which is no area (did you mean `quay`?)",
        "found `count`, which is no dataset (did you mean `counts`?)",
        "found `lat`, which is no form (did you mean `late`?)",
        "found `offcer`, which is no role (did you mean `officer`?)",
    ]
