"""Locks as resources: who holds which, and in which orders they are taken."""
