"""The rows of the table of what is watched, by what they are for."""
