"""Guards: what stands in the way of a released object, and what happens on touch."""
