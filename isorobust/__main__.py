"""`python -m isorobust` and the `isorobust` command."""

from isorobust.cli.main import main

if __name__ == "__main__":
    main()
