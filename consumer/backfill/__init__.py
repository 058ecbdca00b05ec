"""The same pipeline, once and by hand, from one time to another."""
