"""Sign-ins: see `detector`."""

from cityward.watch.detectors.sign_ins.detector import DETECTOR

__all__ = ["DETECTOR"]
