"""Cameras looked through by the city, and views given to persons."""
