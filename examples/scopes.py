"""What a job acquires must be released before it ends: scopes, also around coroutines, and an allowance.

Run it:  python examples/scopes.py
"""

import asyncio

import lifetrack


@lifetrack.tracked
class Session:
    async def aclose(self):
        await asyncio.sleep(0)


@lifetrack.scope("import job")
async def import_job():
    first, second = Session(), Session()
    await first.aclose()
    return second  # it leaves the scope, still open


async def main():
    with lifetrack.allow("lives as long as the process"):
        shared = Session()
    await import_job()
    return shared


if __name__ == "__main__":
    lifetrack.start(policy="record", report=False)
    kept = asyncio.run(main())
    for finding in lifetrack.find_leaks():
        state = f"allowed: {finding.allowed}" if finding.allowed else finding.certainty.word
        print(
            f"{finding.rule} {finding.name} ({state}), acquired at line {finding.site.line}, owner {finding.owner.name}"
        )
