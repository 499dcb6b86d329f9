"""Where the services' slow work runs: a child process for each job (`processes`), and what runs in it (`child`)."""
