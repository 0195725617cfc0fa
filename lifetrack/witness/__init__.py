"""The operating system as witness: what it has open beside what the records say."""
