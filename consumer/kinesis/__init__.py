"""The stream itself, beside KCL: shards, reading, aggregates, putting, who else reads, load."""
