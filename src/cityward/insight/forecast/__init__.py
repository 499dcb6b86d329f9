"""Forecasts of measured series: seasons, models over columns, intervals from a model's own past errors.

Lives here: pure functions over panels (`panel`), what is usual (`seasons`), the models (`models`), intervals (`bands`), and the
way from readings to estimates (`making`). Does not live here: how good they were (`insight.accuracy`), when they are made
(`runtime`), models of a library (`adapters.forecasters`).
"""
