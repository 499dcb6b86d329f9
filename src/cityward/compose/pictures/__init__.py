"""Cameras, who may look through them, and recordings given out."""
