"""Two locks that are taken in both orders, and one that its thread never gives back: found before anything hangs.

Run it:  python examples/locks.py
"""

import threading

import lifetrack


class Account:
    def __init__(self):
        self.lock = threading.Lock()
        self.balance = 100


def transfer(source, target, amount):
    with source.lock:
        with target.lock:
            source.balance -= amount
            target.balance += amount


def audit(account):
    account.lock.acquire()
    if account.balance < 0:
        return "overdrawn"  # the lock is never released
    account.lock.release()
    return "fine"


def in_thread(name, work, *args):
    thread = threading.Thread(target=work, args=args, name=name)
    thread.start()
    thread.join()


if __name__ == "__main__":
    lifetrack.start(policy="record", report=False, watch="locks")
    alice, bob = Account(), Account()
    in_thread("there", transfer, alice, bob, 150)
    in_thread("back", transfer, bob, alice, 20)
    in_thread("audit", audit, alice)
    print(lifetrack.report().to_text())
