"""What the container runs: the main process, and those that it starts, follows and replaces."""
