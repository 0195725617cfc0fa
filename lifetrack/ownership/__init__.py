"""Ownership: scopes and allowances."""
