"""One of a hundred sessions is not closed: the report names the ninety-nine, where this one parted, and the mend.

Run it:  python examples/evidence.py
"""

import lifetrack


@lifetrack.tracked
class Session:
    def send(self, message):
        if message == "message 77":
            raise ValueError(message)

    def close(self):
        pass


def deliver(message):
    session = Session()
    session.send(message)
    session.close()  # is not reached by the 77th


def main():
    for number in range(100):
        try:
            deliver(f"message {number}")
        except ValueError:
            lifetrack.find_leaks()  # Python 3.11 tells of an exception only while somebody has it


if __name__ == "__main__":
    lifetrack.start(policy="record", report=False)
    main()
    print(lifetrack.report().to_text())
