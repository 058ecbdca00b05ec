"""The configured redactor at work: loaded with its keys, held against the key templates, tried, counted, audited."""
