"""People at the web door: what they may see, how they prove who they are, what they read."""
