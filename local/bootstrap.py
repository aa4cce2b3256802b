"""Makes the virtual environment of `make run` and `make test` from a locked requirements file.

Only the standard library is used: this runs before anything is installed. A stamp remembers what was installed, so that
a second run costs nothing.
"""

import fcntl
import hashlib
import subprocess
import sys
import venv
from pathlib import Path

LEAST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
FAILED = """
The packages of {requirements} could not be installed (pip's own message is above).
Check the network and, if there is one, the proxy (HTTPS_PROXY) or the package index (PIP_INDEX_URL), and run the same
command again; what has arrived is kept in pip's cache.
"""


def main(arguments: list[str]) -> int:
    """Install a locked requirements file and the project itself.

    Args:
        arguments: the folder of the virtual environment, and the requirements file.

    Returns:
        The exit code; what failed is on standard error.
    """
    if sys.version_info < LEAST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        print(
            f"Python 3.11 or newer is needed, this is {found}. Say which: make run PYTHON=python3.12", file=sys.stderr
        )
        return 1
    folder, requirements = Path(arguments[0]), Path(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return install(folder, requirements)


def install(folder: Path, requirements: Path) -> int:
    """Bring the environment to the locked state unless its stamp says that it is there."""
    stamp, wanted = folder / f".installed-{requirements.stem}", state(requirements)
    if stamp.exists() and stamp.read_text() == wanted and (folder / "bin" / "python").exists():
        return 0
    print(f"Installing {requirements} into {folder} (once; a minute or so)", file=sys.stderr)
    if not (folder / "bin" / "python").exists():
        venv.create(folder, with_pip=True, symlinks=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    steps = (
        [*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)],
        [*pip, "--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT)],
    )
    for step in steps:
        if subprocess.run(step, check=False).returncode != 0:
            print(FAILED.format(requirements=requirements), file=sys.stderr)
            return 1
    stamp.write_text(wanted)
    return 0


def state(requirements: Path) -> str:
    """What the environment depends on, as a digest."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for file in (requirements, ROOT / "pyproject.toml"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
