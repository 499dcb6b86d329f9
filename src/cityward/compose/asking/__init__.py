"""Answers from the declaration and from what was seen: reach, proposals, exchange with other tools, forecasts."""
