"""Bytes of a record into documents: compression, framing, envelopes, schemas, each decoder a module."""
