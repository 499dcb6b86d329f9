"""Who may sign in, what they hold, and the provider that vouches for them."""
