"""What the shape of a record cannot say: whether the declaration holds together.

One generator per question, each over the whole place, each yielding what is wrong with its path; `ERRORS` stop the place from
running, `WARNINGS` are told and counted. References are looked up before (`references`), so these checks skip what is missing.

Does not live here: the settings of services (their plug-ins read them), and whether an arrangement is *wise* (`reach`,
`assurance`): data in a far jurisdiction is a finding of theirs, not an error of the declaration.
"""

from __future__ import annotations

from cityward.place.checks.acting import services_act_within_limits
from cityward.place.checks.alerts import alerts_leave_as_declared
from cityward.place.checks.budgets import (
    budgets_are_of_one_thing,
    budgets_bound_something,
    budgets_hold_what_one_device_may_send,
)
from cityward.place.checks.cameras import (
    cameras_are_kept_and_shown_within_bounds,
    cameras_look_as_declared,
    cameras_that_search_no_plates,
    roles_that_view_are_for_a_task,
)
from cityward.place.checks.feeds import feeds_can_be_fetched
from cityward.place.checks.flows import (
    commands_have_takers,
    enforced_flows_pass_the_platform,
    flows_keep_their_agreement,
    parties_receive_by_agreement,
    readings_enter_once,
)
from cityward.place.checks.forecasts import forecasts_can_be_made
from cityward.place.checks.gateways import gateways_reach_their_lamps
from cityward.place.checks.junction_times import junctions_keep_their_times
from cityward.place.checks.junctions import (
    junctions_are_joined,
    junctions_can_be_told,
    junctions_endanger_nobody,
    junctions_name_their_own,
)
from cityward.place.checks.land import (
    addresses_are_such,
    codes_are_distinct,
    conduits_join_two,
    duties_are_distinct,
    duties_have_one_term,
    parents_lead_upwards,
    rules_can_be_judged,
    shares_add_up,
    times_run_forward,
    timezone_exists,
)
from cityward.place.checks.models import (
    commands_of_models,
    decoders_are_of_lorawan,
    groups,
    hardware_is_one_each,
    limits_of_models,
    names_on_the_wire,
    needs_are_possible,
    objects_can_be_read,
    registers_can_be_asked,
    units_of_models,
)
from cityward.place.checks.quorums import quorums_can_be_met
from cityward.place.checks.release import (
    addresses_of_others,
    people_are_released_on_a_basis,
    postures_take_something,
    recipients_can_be_reached,
    recipients_have_their_flows,
    recipients_that_get_nothing,
    what_is_made_here_is_told_in_cells,
)
from cityward.place.checks.roles import incidents_stay_at_home, roles_are_bounded, roles_have_an_access
from cityward.place.checks.supplier_evidence import supplier_evidence_is_of_its_kind
from cityward.place.checks.warnings import (
    readings_are_carried,
    systems_receive_by_agreement,
    unknowns,
    unprotected_entries,
    zones_are_joined,
)
from cityward.place.checks.whole import Check
from cityward.place.checks.witnesses import witnesses_are_reached_as_declared

ERRORS: tuple[Check, ...] = (
    limits_of_models, units_of_models, names_on_the_wire, commands_of_models, groups, hardware_is_one_each,
    needs_are_possible, decoders_are_of_lorawan, registers_can_be_asked, objects_can_be_read,
    flows_keep_their_agreement, parties_receive_by_agreement, enforced_flows_pass_the_platform, readings_enter_once,
    commands_have_takers, shares_add_up, addresses_are_such, codes_are_distinct, duties_are_distinct,
    duties_have_one_term, parents_lead_upwards,
    conduits_join_two, times_run_forward, timezone_exists, rules_can_be_judged, budgets_are_of_one_thing,
    alerts_leave_as_declared, witnesses_are_reached_as_declared, feeds_can_be_fetched,
    gateways_reach_their_lamps,
    what_is_made_here_is_told_in_cells, recipients_have_their_flows, recipients_can_be_reached, people_are_released_on_a_basis,
    postures_take_something, roles_are_bounded, services_act_within_limits, forecasts_can_be_made,
    cameras_look_as_declared, cameras_are_kept_and_shown_within_bounds, roles_that_view_are_for_a_task,
    junctions_name_their_own, junctions_endanger_nobody, junctions_keep_their_times, junctions_can_be_told,
    junctions_are_joined,
    supplier_evidence_is_of_its_kind,
)  # fmt: skip
"""With one of these the place does not run."""

WARNINGS: tuple[Check, ...] = (
    unknowns, readings_are_carried, systems_receive_by_agreement, zones_are_joined, unprotected_entries,
    budgets_bound_something, budgets_hold_what_one_device_may_send, quorums_can_be_met,
    recipients_that_get_nothing, addresses_of_others, roles_have_an_access,
    cameras_that_search_no_plates, incidents_stay_at_home,
)  # fmt: skip
"""Told and counted."""
