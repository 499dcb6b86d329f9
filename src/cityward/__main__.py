"""`python -m cityward`: the command line."""

from cityward.cli import main

if __name__ == "__main__":
    main()
