"""Looks at everything that the worker needs, thing by thing."""
