"""A host with two backends, one swapped while it is in use, and two mistakes: a capability that none has, and a use
after the cleanup.

Run it, and read what it prints and the report that it ends with:  python examples/backends.py
"""

import lifetrack


class Certificates(lifetrack.Capability):
    """A capability is a set of methods; one that a backend does not implement never just returns None."""

    def certificate(self, name):
        raise NotImplementedError


class Revocation(lifetrack.Capability):
    def is_revoked(self, certificate):
        raise NotImplementedError


class TlsBackend(lifetrack.Backend, Certificates, Revocation):
    """What the host asks of a backend. Plugins override what they can do."""

    def handshake(self):
        return f"{self.name} shakes hands"

    def close(self):
        print(f"closing {self.name} {self.version}")


class OpenSsl(TlsBackend):
    name, priority = "openssl", 10

    def __init__(self, version):
        self.version = version

    def certificate(self, name):
        return f"certificate of {name} by openssl {self.version}"


class Minimal(TlsBackend):
    name, version = "minimal", 1


def main():
    # In a real host plugins come from installed packages, by their entry points; a broken one hinders nobody.
    backends = lifetrack.BackendCollection("tls", kind=TlsBackend, groups="myapp.tls_backends")
    found = backends.populate()
    print(f"found {len(found.added)} plugins, rejected {len(found.rejected)}")

    with backends:
        backends.add(OpenSsl(1))
        minimal = backends.add(Minimal())
        print(backends.names(), backends.require(Certificates).certificate("you"))

        with backends.borrowed("openssl") as old:
            backends.replace("openssl", OpenSsl(2))  # the old one is closed when this block ends
            print(old.handshake(), "although it was replaced; now:", backends.get("openssl").version)

        for ask in (lambda: backends.require("revocation"), lambda: minimal.certificate("you")):
            try:
                ask()
            except lifetrack.BackendError as error:
                print(f"{type(error).__name__}: {error}")
    minimal.handshake()  # the collection was cleaned up


if __name__ == "__main__":
    lifetrack.start(policy="record")
    main()
