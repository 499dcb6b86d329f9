"""Cityward: runs a connected place from one declaration, and proves what became of every datum."""

__version__ = "0.1.0"
