"""The doctor: leaks one resource of each watched kind, and tells whether each is caught here."""
