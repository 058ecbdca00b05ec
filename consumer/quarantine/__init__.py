"""What could not be processed: where, when and why, never its content; and another try."""
