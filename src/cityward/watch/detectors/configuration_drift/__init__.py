"""Configuration drift: see `detector`."""

from cityward.watch.detectors.configuration_drift.detector import DETECTOR

__all__ = ["DETECTOR"]
