"""Install this example into a temporary folder and run it: ``python examples/tls_backends/run.py``.

Arguments go to the program. Needs pip, cryptography and pyOpenSSL; lifetrack itself is the checkout's.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, str(HERE)]
        if importlib.util.find_spec("hatchling"):  # then nothing has to be fetched for building
            install.insert(5, "--no-build-isolation")
        subprocess.run(install, check=True)
        path = os.pathsep.join(filter(None, [folder, str(CHECKOUT), os.environ.get("PYTHONPATH")]))
        program = [sys.executable, "-m", "tls_backends", *sys.argv[1:]]
        return subprocess.run(program, env={**os.environ, "PYTHONPATH": path}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
