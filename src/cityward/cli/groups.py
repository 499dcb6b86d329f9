"""Commands of commands, told so that a person finds the right one: each with its whole first sentence, one misspelt guessed."""

from __future__ import annotations

import click

from cityward.place.hints import did_you_mean

WHOLE = 400  # characters of a sentence


class Group(click.Group):
    """What `click` does, but it cuts no summary short, and asks whether another command was meant."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Every command that is not hidden, with its first sentence."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, one.get_short_help_str(WHOLE)) for name, one in found if one is not None and not one.hidden]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Raises UsageError for what is no command."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"there is no command `{args[0][:64]}`{did_you_mean(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)
