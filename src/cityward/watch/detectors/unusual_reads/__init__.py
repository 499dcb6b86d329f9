"""Unusual reads: see `detector`."""

from cityward.watch.detectors.unusual_reads.detector import DETECTOR

__all__ = ["DETECTOR"]
