"""Ways out to recipients: how released rows are written (`encoding`), and how they come to where they are declared to go."""
