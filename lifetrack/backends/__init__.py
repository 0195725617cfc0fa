"""Backends: collections that look after the lifetimes of plugins, from discovery to cleanup."""
