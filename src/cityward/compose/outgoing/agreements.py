"""Agreements that wait for an approval, and approving them. On record first, as every change of recipients."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cityward.compose.outgoing.recipients import ROLE
from cityward.compose.outgoing.releasing import RulesKeeper, approve, pending_now
from cityward.compose.setting import Setting
from cityward.errors import PlaceError
from cityward.place.hints import did_you_mean
from cityward.policy.approvals import control_lines, difference, scope_lines
from cityward.reach.effective import Lands
from cityward.runtime.releasing.ports import ApprovalRow


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement that waits for an approval, and what changed since the last one; `first`: there was none."""

    agreement: str
    first: bool
    changed: tuple[str, ...]
    recipients: tuple[str, ...]


def pending_agreements(setting: Setting) -> Sequence[Pending]:
    """Those under which nothing leaves until somebody approves them."""
    keeper = RulesKeeper(setting)
    rows, lands = setting.state.recipients.approvals(), keeper.lands()
    return [_pending(setting, name, rows.get(name), lands) for name in sorted(pending_now(setting, lands))]


def _pending(setting: Setting, name: str, row: ApprovalRow | None, lands: Lands) -> Pending:
    place = setting.loaded.place
    now = (*control_lines(name, place, lands), *scope_lines(name, place))
    before = () if row is None else (*row.control_lines, *row.scope_lines)
    flows = {flow for flow, one in place.flows.items() if one.agreement == name}
    touched = tuple(r for r, one in place.recipients.items() if flows & set(one.flows))
    return Pending(agreement=name, first=row is None, changed=difference(before, now), recipients=touched)


def approve_agreement(setting: Setting, agreement: str, person: str) -> Pending:
    """Approve it as it stands now; what that changed.

    Raises:
        PlaceError: there is no such agreement.
    """
    known = setting.loaded.place.agreements
    if agreement not in known:
        raise PlaceError(f"there is no agreement `{agreement[:64]}`{did_you_mean(agreement, known)}")
    lands = RulesKeeper(setting).lands()
    told = _pending(setting, agreement, setting.state.recipients.approvals().get(agreement), lands)
    with setting.ledger_when_free(ROLE) as ledger:
        setting.state.recipients.begin()
        approve(setting, ledger, agreement, person, lands, ROLE)
    return told
