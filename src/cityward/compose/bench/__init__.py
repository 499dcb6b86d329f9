"""What `cityward bench` measures: towns made for it, and the recorded material it is held against."""
