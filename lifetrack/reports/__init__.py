"""Reports: what was found, grouped, as text and as JSON, written safely and read back."""
