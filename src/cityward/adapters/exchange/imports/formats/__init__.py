"""One module per format: `FORMAT` (the word on the command line), `TITLE`, and `read(files, draft)`."""
