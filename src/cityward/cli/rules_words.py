"""What house rules say to a person: every rule, its cases with their lines, and what the city could do by itself.

Lives here: printing. Does not live here: what is so (`reach.rules`, `reach.sign`).
"""

from __future__ import annotations

from cityward.cli.phrases import counted
from cityward.cli.words import head, lead, put, rows, say, style
from cityward.reach.rules.rulebook import Kept, Rulebook, RuleCounts, ToldRule, Use
from cityward.reach.rules.told import ToldFinding
from cityward.reach.sign.hardening_report import HardeningReport, ToldSpare

CASES = 12  # of one rule; the rest is counted, and `--json` has it all


# --- kept or broken


def summary(counts: RuleCounts) -> str:
    """How many rules are kept, broken and possibly broken, in a line."""
    every = counts.kept + counts.broken + counts.possibly + counts.waived
    parts = [f"{counts.kept} of {counted(every, 'house rule')} {'is' if 1 in (counts.kept, every) else 'are'} kept"]
    parts += [f"{counts.broken} broken ({counted(counts.cases, 'case')})"] if counts.broken else []
    parts += [f"{counts.possibly} possibly broken"] if counts.possibly else []
    parts += [f"{counts.waived} broken only where waived"] if counts.waived else []
    more = [f"{counted(counts.possible_cases, 'case')} for want of a fact"] if counts.possible_cases else []
    more += [f"{counted(counts.waived_cases, 'case')} waived"] if counts.waived_cases else []
    more += [f"{counted(counts.waivers_ran_out, 'waiver')} ran out"] if counts.waivers_ran_out else []
    return ", ".join(parts) + (f"; {' and '.join(more)}" if more else "")


def print_rulebook(book: Rulebook) -> None:
    """Every rule, the broken ones first."""
    if not book.rules:
        put("This place has no house rules.")
    else:
        lead(f"{summary(book.counts)}.")
    for rule in book.rules:
        if rule.kept is not Kept.KEPT:
            _print_rule(rule)
    kept = [rule for rule in book.rules if rule.kept is Kept.KEPT]
    if kept:
        head(f"kept: {len(kept)}")
        for rule in kept:
            say(f"{rule.name}  {rule.where}", "  ", "- ")
            _print_waivers(rule)
    if book.unexplained:
        every = sum(len(rule.cases) for rule in book.rules)
        cases = counted(book.unexplained, "more case")
        put(f"\n{cases} without the ways they rest on: --why {every} tells them all.")
    put(f"\njudged for {book.day}; declaration {book.digest}")


def _print_rule(rule: ToldRule) -> None:
    head(f"{rule.kept} ({rule.weight}): {rule.name}")
    put(style(f"  {rule.where}", dim=True))
    for case in rule.cases[:CASES]:
        print_case(case)
    if len(rule.cases) > CASES:
        put(f"  ... and {counted(len(rule.cases) - CASES, 'more case')} (--json has them all)")
    _print_waivers(rule)


def _print_waivers(rule: ToldRule) -> None:
    for waiver in rule.waivers:
        if waiver.use is not Use.IN_USE:
            reason = "it ran out" if waiver.use is Use.RAN_OUT else "nothing needs it"
            say(
                f"the waiver for {waiver.subject} by {waiver.by} until {waiver.until} excuses nothing: {reason}", "    "
            )


def print_case(case: ToldFinding) -> None:
    """One subject that breaks a rule, or possibly does."""
    possibly = "" if case.certain else "possibly: "
    say(f"{possibly}{case.subject_name}  {case.subject}", "  ", "* ")
    for fact in case.facts:
        say(f"{fact.text}{f'  {fact.where[0]}' if fact.where else ''}", "    ", "- ")
    if case.why:
        put("    because:")
        for step in case.why:
            missing = f" (not known: {step.missing})" if step.missing else ""
            say(f"{step.text}{missing}{f'  {step.where[0]}' if step.where else ''}", "      ", "- ")
    if case.missing:
        say(f"to be found out: {', '.join(case.missing)}", "    ")
    if case.waiver is not None:
        say(f"waived by {case.waiver.by} until {case.waiver.until}: {case.waiver.why}", "    ")


# --- what the city could do


def print_hardening(report: HardeningReport) -> None:
    """Controls by the answers they remove, and needs without a spare."""
    certain = counted(report.certain, "answer is", "answers are")
    say(f"{certain} certain and {report.possible:,} possible, those of the city itself left out.", "")
    if report.gains:
        head("What the city could do by itself, each alone")
        put(style("   certain    in all", dim=True))
        for gain in report.gains:
            say(f"{gain.told}  {gain.where}", "  ", f"{-gain.certain:8,}  {-gain.altogether:8,}  ")
    if report.more_gains:
        put(f"  ... and {counted(report.more_gains, 'control')} that remove less")
    if report.untried:
        put(f"  {counted(report.untried, 'control')} not tried, of {report.untried + report.tried}")
    if report.spares:
        head("Needs that hang on one thing")
        rows([_spare(spare) for spare in report.spares])
    if report.more_spares:
        put(f"  ... and {counted(report.more_spares, 'need')} of less weight")
    put(f"\nas declared for {report.day}; declaration {report.digest}")


def _spare(spare: ToldSpare) -> str:
    essential, all_ = len(spare.essential), len(spare.functions)
    fails = counted(all_, "essential function") if essential == all_ else counted(all_, "function")
    fails += f", {essential} of them essential" if 0 < essential < all_ else ""
    return f"{spare.told}: its end alone fails {fails}, for {spare.affected:,} people  {spare.where}"
