"""Nobody waits for a child process."""
# needs: /proc/self/fd

import os

import lifetrack

with lifetrack.scope("job", witness=True):
    pid = os.posix_spawnp("sleep", ["sleep", "60"], dict(os.environ))


def tidy():
    os.kill(pid, 9)
    os.waitpid(pid, 0)
