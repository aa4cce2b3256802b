"""`python -m cli` is `person-changes`."""

from cli.main import main

if __name__ == "__main__":
    main()
