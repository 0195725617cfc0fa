"""A plugin is released, and a list still refers to it."""

import lifetrack


class Plugin(lifetrack.Backend):
    name = "openssl"

    def shutdown(self):
        pass


backends = lifetrack.BackendCollection("tls", kind=Plugin)
backends.add(Plugin())
kept = [backends.get("openssl")]
backends.cleanup()
asked = [held.finding for held in backends.find_held()]
