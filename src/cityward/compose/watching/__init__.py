"""The watch of a running city: built, told of what happens, and telling people."""
