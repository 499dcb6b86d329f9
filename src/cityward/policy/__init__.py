"""May it: `decide(request, table) -> Decision` with reasons, over the declaration compiled to a table. An erring rule denies."""
