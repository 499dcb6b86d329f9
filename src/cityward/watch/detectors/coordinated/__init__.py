"""One change shared by the devices of a supplier, an owner or a zone that other devices do not show."""

from __future__ import annotations

from cityward.watch.detectors.coordinated.detector import DETECTOR

__all__ = ["DETECTOR"]
