"""What the routes answer, one module per kind of caller: the console (`city`), devices (`observations`), other platforms
(`ngsi_ld`), a browser's address bar (`pages`). `views` has the shapes the console reads."""
