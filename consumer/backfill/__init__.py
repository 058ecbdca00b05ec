"""The same pipeline, once, from one time to another."""
