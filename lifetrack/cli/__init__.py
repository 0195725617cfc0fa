"""The command line: ``lifetrack run``, ``show`` and ``rules``."""
