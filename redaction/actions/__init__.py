"""What can be done to a value: the built-in actions, and those of other packages."""
