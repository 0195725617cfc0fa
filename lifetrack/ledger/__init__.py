"""The ledger: the only mutable truth, and what it needs to note an event cheaply."""
