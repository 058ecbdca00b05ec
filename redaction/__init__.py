"""Redaction of JSON records: bytes in, verdicts out. No AWS, no metrics, no logging.

`plugin` holds what a plug-in author imports, `guard` what a caller uses to apply any plug-in fail-closed,
`engine` the built-in plug-in that applies a policy file, `testing` the conformance kit.
"""
