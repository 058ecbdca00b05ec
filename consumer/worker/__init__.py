"""The container: the main process and those that it starts."""
