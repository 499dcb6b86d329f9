"""Forecasting models of libraries, as `insight.forecast.models` asks for them. None is needed to run a city."""
