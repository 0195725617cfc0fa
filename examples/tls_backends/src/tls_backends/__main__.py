"""The program: real handshakes with every backend that is installed, then the broken one."""

from __future__ import annotations

import argparse
import logging

import lifetrack
from tls_backends.broken import MISTAKES
from tls_backends.layer import TlsBackend
from tls_backends.loopback import shake_hands

GROUP = "tls_backends.backends"


def main() -> None:
    parser = argparse.ArgumentParser(prog="tls_backends", description="Shake hands with every backend.")
    parser.add_argument("--without-broken", action="store_true", help="leave out the broken backend")
    parser.add_argument("--report", action="append", help="a file for the report (.json, .txt); may be repeated")
    options = parser.parse_args()
    logging.getLogger("lifetrack.backends").setLevel(logging.ERROR)  # what is rejected is printed below
    lifetrack.start(policy="record", report=options.report)

    backends: lifetrack.BackendCollection[TlsBackend]
    with lifetrack.BackendCollection("tls", kind=TlsBackend, groups=GROUP, api_version=1) as backends:
        found = backends.populate()
        for rejected in found.rejected:
            print(f"rejected: {rejected}")
        for name in backends.names():
            with backends.borrowed(name) as backend:
                print(shake_hands(backend))
        print("first choice for handshakes:", backends.require("handshakes").describe())
        try:
            backends.require("resumption")
        except lifetrack.BackendError as error:
            print(error)
    print(lifetrack.report().to_text().splitlines()[0])
    if not options.without_broken:
        for mistake in MISTAKES:
            mistake()


if __name__ == "__main__":
    main()
