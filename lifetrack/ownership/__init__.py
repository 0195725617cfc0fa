"""Ownership: scopes, owners, transfers, borrows, handles, parents and children."""
