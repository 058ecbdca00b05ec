"""Everything local: the embedded cloud, sample transactions, the demo."""
