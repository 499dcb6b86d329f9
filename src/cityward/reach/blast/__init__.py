"""Blast radius."""
