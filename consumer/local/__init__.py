"""Everything on one machine: the embedded cloud, sample transactions, the demo."""
