"""``python -m ftbench`` is ``ftbench``."""

from ftbench.cli import main

if __name__ == "__main__":
    main()
