"""Detection: from what the ledger holds to findings. Detectors ask, they change nothing."""
