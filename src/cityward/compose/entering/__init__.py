"""Devices at the door: what they prove themselves with, who is in, and who was refused."""
