"""Watching: tracking classes and functions that are not ours, without changing the program."""
