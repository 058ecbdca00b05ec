"""Bytes of a record into documents: compression, framing, envelopes, schemas. Each decoder is one module."""
