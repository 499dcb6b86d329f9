"""Cameras as a service: how they are, what they counted. It commands nothing and sees no picture. See `service`."""

from __future__ import annotations

from cityward.services.cctv.service import Cctv

SERVICE = Cctv()
