"""Where documents go: the table, a stream, JSON lines, several at once, or what a plug-in brings."""
