"""New destination: see `detector`."""

from cityward.watch.detectors.new_destination.detector import DETECTOR

__all__ = ["DETECTOR"]
