"""What citizens read: what is sensed here and why, without a script and without an account."""
