"""A TLS layer whose backends are plugins."""
