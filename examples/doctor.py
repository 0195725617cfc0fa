"""Before you rely on a clean report: prove that the kinds you care about are caught on this machine.

Run it:  python examples/doctor.py    (or by hand: lifetrack doctor; as a step of a build, its exit status is enough)
"""

import subprocess
import sys

RELIED_ON = "io,os,socket,sqlite3,subprocess,select"

command = [sys.executable, "-m", "lifetrack", "doctor", "--watch", RELIED_ON]
done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
print(done.stdout)

if done.returncode == 0:
    print("Every leak that could be tried was caught: no findings mean no leaks of these kinds.")
elif done.returncode == 1:
    print("Something was missed, and the last line names it: a clean report says nothing of that kind here.")
else:
    sys.exit("the doctor was not asked properly")
