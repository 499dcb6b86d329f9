"""`cityward check`, as a person and as a script meet it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cityward.cli import COMMANDS, cityward
from cityward.compose.home import Home
from declarations import TOWN, town

DOGGERFORD = Path(__file__).parents[2] / "examples" / "doggerford"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cityward, ["check", *map(str, arguments)], prog_name="cityward")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "town.yaml"
    path.write_text(TOWN)
    return path


def test_a_whole_declaration_exits_0_and_is_counted(file: Path):
    result = run(file)
    assert result.exit_code == 0
    assert "Tinytown holds together" in result.output
    assert "3 units" in result.output
    assert "warning" not in result.output


def test_unknowns_are_counted_with_their_places_and_exit_0():
    result = run(DOGGERFORD)
    assert result.exit_code == 0
    assert "warning: 24 not known; never taken for a pass" in result.output
    assert "parties.yaml:124  parties.halden-optics.owners" in result.output


def test_errors_exit_1_and_are_all_told(file: Path):
    file.write_text(town(("kind: group", "kind: grup"), ("fail_safe: 100", "fail_safe: 0")))
    result = run(file)
    assert result.exit_code == 1
    assert "where: town.yaml:13  parties.acme-group.kind" in result.output
    assert "(did you mean `group`?)" in result.output
    assert "2 errors. Nothing was started or changed." in result.output


def test_json_is_one_object_in_both_cases(file: Path):
    whole = json.loads(run(file, "--json").output)
    assert (whole["ok"], whole["errors"], whole["declared"]["units"]) == (True, [], 3)
    file.write_text(town(("kind: group", "kind: grup")))
    result = run(file, "--json")
    assert result.exit_code == 1
    broken = json.loads(result.output)
    assert broken["ok"] is False
    assert broken["errors"][0]["where"] == "town.yaml:13  parties.acme-group.kind"


def test_a_folder_stands_for_its_place_file(file: Path, tmp_path: Path):
    file.rename(tmp_path / "place.yaml")
    assert run(tmp_path).exit_code == 0


@pytest.mark.parametrize(
    "arguments", [(), ("nowhere.yaml",), ("--no-such-option",)], ids=["nothing", "no file", "option"]
)
def test_wrong_usage_exits_2(arguments: tuple[str, ...]):
    assert run(*arguments).exit_code == 2


def test_a_folder_without_a_declaration_exits_1_and_says_what_is_missing(tmp_path: Path):
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "place.yaml" in result.output


def test_an_include_through_a_link_out_of_the_folder_is_refused(file: Path, tmp_path: Path):
    outside = tmp_path / "secret.yaml"
    outside.write_text("parties: {}")
    inside = tmp_path / "town"
    inside.mkdir()
    (inside / "link.yaml").symlink_to(outside)
    (inside / "place.yaml").write_text("include: [link.yaml]\n" + TOWN)
    result = run(inside)
    assert result.exit_code == 1
    assert "it lies outside the folder of the place" in result.output


def test_the_settings_of_a_service_are_read_by_its_plug_in(file: Path):
    file.write_text(town(("settings: {streets:", "settings: {busy_levle: 80, streets:")))
    result = run(file)
    assert result.exit_code == 1
    assert "services.lights.settings" in result.output
    assert "where: town.yaml:" in result.output
    assert "did you mean `busy_level`?" in result.output


def test_the_settings_of_a_service_name_devices_that_there_are(file: Path):
    file.write_text(town(("{lamps: [lamps]}", "{lamps: [lamps], light: [no-sensor]}")))
    result = run(file)
    assert result.exit_code == 1
    assert "`no-sensor` is not a declared device\n  where: town.yaml:67  services.lights.settings" in result.output


def test_the_schema_and_the_reference_need_no_place():
    assert json.loads(run("--schema").output)["title"] == "Cityward declaration"
    assert run("--reference").output.startswith("# The declaration")


def test_help_has_examples():
    assert "cityward check examples/doggerford" in run("--help").output


def test_output_in_a_pipe_has_no_colour_and_the_program_is_lazy(file: Path):
    file.write_text(town(("kind: group", "kind: grup")))
    code = f"import sys; from cityward.cli import main\ntry: main(['check', {str(file)!r}])\nfinally: print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "\x1b[" not in done.stdout
    assert "Traceback" not in done.stderr
    for heavy in ("polars", "deltalake", "duckdb", "sqlalchemy", "nats", "starlette"):
        assert f"'{heavy}'" not in done.stdout, f"`check` imports {heavy}"


def test_the_group_lists_every_command_without_importing_any():
    code = "import sys; from cityward.cli import cityward; cityward(['-h'], standalone_mode=False); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert "cityward.cli.check" not in done.stdout


def test_an_unknown_command_exits_2():
    assert CliRunner().invoke(cityward, ["chekc"]).exit_code == 2


def test_house_rules_are_counted_and_pointed_to_without_changing_the_exit_code(file: Path):
    rule = "rules:\n  no-acme: {about: parties, forbid: [{party: {as: [itself], named: [acme]}}], weight: deny}\n"
    file.write_text(TOWN + rule)
    result = run(file)
    assert result.exit_code == 0
    assert "0 of 1 house rule is kept, 1 broken (1 case)" in result.output
    assert f"cityward reach {file} --rules" in result.output
    rules = json.loads(run(file, "--json").output)["rules"]
    assert (rules["kept"], rules["broken"], rules["cases"]) == (0, 1, 1)


def test_a_waiver_that_ran_out_is_told_with_the_counts(file: Path):
    waiver = "waivers: [{subject: acme, by: council, why: until the tender, until: 2020-01-01}]"
    rule = f"rules:\n  no-acme: {{about: parties, forbid: [{{party: {{as: [itself], named: [acme]}}}}], {waiver}}}\n"
    file.write_text(TOWN + rule)
    assert "1 broken (1 case); 1 waiver ran out." in run(file).output
    assert json.loads(run(file, "--json").output)["rules"]["waivers_ran_out"] == 1
    told = CliRunner().invoke(cityward, ["reach", str(file), "--rules"]).output
    assert "1 waiver ran out" in told and "excuses nothing: it ran out" in told


def test_what_the_platform_calls_is_listed_for_a_firewall():
    result = run(DOGGERFORD, "--egress")
    assert result.exit_code == 0
    assert (
        "  recipient:university-hook: tcp air.cedar.example port 443, https, tls\n    flows: air-to-university\n"
        in (result.output)
    )
    rows = {row["by"]: row for row in json.loads(run(DOGGERFORD, "--egress", "--json").output)["egress"]}
    hook = rows["recipient:university-hook"]
    assert (hook["host"], hook["port"], hook["transport"]) == ("air.cedar.example", 443, "tcp")
    assert hook["blocks"] == ["203.0.113.48/28", "2001:db8:ced::/48"]


def test_the_provider_by_which_people_sign_in_is_listed_with_what_the_platform_calls(file: Path, tmp_path: Path):
    home = Home(tmp_path / "state")
    home.prepare()
    (home.keys / "people-oidc.json").write_text(
        '{"issuer": "https://id.example:8443/city", "client": "c", "secret": "of-the-city",'
        ' "addresses": ["id.example", "keys.example", "198.51.100.0/28"]}'
    )
    told = run(file, "--egress", "--state", str(home.root))
    assert "  people:oidc: tcp id.example port 8443, https, tls\n    flows: none; set by hand\n" in told.output
    assert "of-the-city" not in told.output
    rows = json.loads(run(file, "--egress", "--state", str(home.root), "--json").output)["egress"]
    assert [(row["host"], row["port"], row["blocks"]) for row in rows] == [
        ("id.example", 8443, ["198.51.100.0/28"]),
        ("keys.example", 443, ["198.51.100.0/28"]),
    ]


def test_a_town_that_calls_nobody_says_so(file: Path):
    assert "Tinytown calls 0 endpoints." in run(file, "--egress").output
    assert json.loads(run(file, "--egress", "--json").output)["egress"] == []
