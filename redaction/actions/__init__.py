"""Actions: what is done to a value that a rule or a detector names; each can be undone only by whoever has its key."""
