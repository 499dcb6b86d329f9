"""What a turn would do: judged by the permit gate, commanded, followed until it is settled."""
