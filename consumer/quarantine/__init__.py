"""What could not be processed: its entry, what its code means, the circuit breaker, the store, another try."""
