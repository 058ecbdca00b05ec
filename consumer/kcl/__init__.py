"""All that is known of the Kinesis Client Library: its daemon, its log, its tables; an upgrade of it begins here."""
