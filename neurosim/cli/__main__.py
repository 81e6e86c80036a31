"""``python -m neurosim.cli``: the same as the command ``neurosim``."""

from neurosim.cli import main

if __name__ == "__main__":  # worker processes of a sweep import this module again
    main()
