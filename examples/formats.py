"""One report in every form: a pool hands a connection to a job, which forgets it.

Run it:  python examples/formats.py [FOLDER]

With a folder it writes all forms there: open report.html in a browser, report.trace.json in Perfetto.
"""

import sys
import threading
from pathlib import Path

import lifetrack


@lifetrack.tracked
class Connection:
    def close(self):
        pass


CACHE = {}


def work(pool, job):
    for name in ("first", "second", "third"):
        connection = lifetrack.transfer(Connection(), to=pool)
        if name == "second":
            CACHE[name] = lifetrack.transfer(connection, to=job)
        else:
            connection.close()


if __name__ == "__main__":
    lifetrack.start(policy="record", report=False)
    with lifetrack.Owner("pool") as pool:
        job = lifetrack.Owner("import job")
        worker = threading.Thread(target=work, args=(pool, job), name="worker")
        worker.start()
        worker.join()
    report = lifetrack.report()
    print(report.to_text(), end="")
    print(report.to_github(), end="")
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
        for ending in ("json", "txt", "html", "dot", "trace.json", "sarif", "svg"):
            try:
                report.write(folder / f"report.{ending}")
            except lifetrack.MissingExtraError as error:
                print(error)
        print("written:", ", ".join(sorted(path.name for path in folder.glob("report.*"))))
