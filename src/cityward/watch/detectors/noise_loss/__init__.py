"""Noise loss: see `detector`."""

from cityward.watch.detectors.noise_loss.detector import DETECTOR

__all__ = ["DETECTOR"]
