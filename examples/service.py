"""A service that goes on: a lease that is held too long, sessions that grow, and a report while it runs.

Run it:  python examples/service.py
"""

import os
import signal
import time

import lifetrack


@lifetrack.tracked(limit=0.1)  # seconds
class Lease:
    def release(self):
        pass


@lifetrack.tracked
class Session:
    def close(self):
        pass


SESSIONS = []


def handle_request():
    SESSIONS.append(Session())  # nobody closes it


def tell(event):
    print(f"{event.event}: {event.rule} {event.type}, {event.count}")


if __name__ == "__main__":
    lifetrack.start("sites", policy="record", dump_signal="SIGUSR2", live_limits={"__main__.Session": 20}, sinks=[tell])
    lease = Lease()
    time.sleep(0.3)
    lease.release()
    counts = [finding.count for finding in lifetrack.growth(handle_request)]
    print(f"growth: {counts}")  # in one piece, for a sink prints meanwhile
    os.kill(os.getpid(), signal.SIGUSR2)  # or from a shell: kill -USR2 PID
    time.sleep(0.5)
