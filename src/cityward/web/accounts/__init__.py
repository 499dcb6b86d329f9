"""People at the web door: what they may see and do, how they prove who they are, what they read."""
