"""What persons do to a running city: contain, switch a posture, hold an actuator."""
