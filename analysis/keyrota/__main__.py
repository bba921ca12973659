"""``python -m keyrota``."""

from keyrota.cli import main

if __name__ == "__main__":
    main()
