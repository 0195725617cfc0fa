"""What a followed child finds on its path: a ``sitecustomize`` that starts tracking and gives way to the real one."""
