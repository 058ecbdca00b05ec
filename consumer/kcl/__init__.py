"""All that is known of the Kinesis Client Library, and nobody else knows it."""
