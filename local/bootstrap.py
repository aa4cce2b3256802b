"""Makes the virtual environment of `make run` and `make test` from a locked requirements file.

Only the standard library is used: this runs before anything is installed. A stamp remembers what was installed, so that
a second run costs nothing.
"""

import fcntl
import hashlib
import shutil
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
NO_PIP = """
{python} cannot make a virtual environment with pip in {folder}: {why}
On Debian and Ubuntu install its package (apt install python3-venv), or name another Python: make run PYTHON=python3.12
"""
NOT_WRITABLE = """
{folder} cannot be written: {why}
Let this user write there, or keep the environment elsewhere: make run VENV=/another/folder
"""
INTERRUPTED = "\nInterrupted. What is not whole is made again by the next run."


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
    try:
        if is_installed(folder, requirements):
            return 0
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return install(folder, requirements)
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
    except OSError as error:
        print(NOT_WRITABLE.format(folder=folder, why=error), file=sys.stderr)
    return 1


def is_installed(folder: Path, requirements: Path) -> bool:
    """Whether the environment's stamp says that it is as the requirements file wants it."""
    stamp = folder / f".installed-{requirements.stem}"
    return stamp.exists() and stamp.read_text() == state(requirements) and (folder / "bin" / "python").exists()


def install(folder: Path, requirements: Path) -> int:
    """Bring the environment to the locked state unless its stamp says that it is there."""
    if is_installed(folder, requirements):
        return 0
    print(f"Installing {requirements} into {folder} (once; a minute or so)", file=sys.stderr)
    if not make(folder):
        return 1
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    steps = (
        [*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)],
        [*pip, "--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT)],
    )
    for step in steps:
        if subprocess.run(step, check=False).returncode != 0:
            print(FAILED.format(requirements=requirements), file=sys.stderr)
            return 1
    (folder / f".installed-{requirements.stem}").write_text(state(requirements))
    return 0


def make(folder: Path) -> bool:
    """Make the environment with pip in it; False when this Python cannot, which is said on standard error.

    Python comes into the folder first and pip last, so a Python alone proves nothing: a marker stays until it is whole.
    """
    marker = folder / ".unfinished"
    if (folder / "bin" / "python").exists() and not marker.exists():
        return True
    if marker.exists():
        for part in ("bin", "include", "lib", "lib64"):  # not the whole folder: our lock lies in it
            remove(folder / part)
    marker.touch()
    try:
        venv.create(folder, with_pip=True, symlinks=True)
    except (subprocess.CalledProcessError, ImportError) as error:
        print(NO_PIP.format(python=sys.executable, folder=folder, why=error), file=sys.stderr)
        return False
    marker.unlink()
    return True


def remove(path: Path) -> None:
    """Remove a folder or a link, if it is there."""
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def state(requirements: Path) -> str:
    """What the environment depends on, as a digest."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for file in (requirements, ROOT / "pyproject.toml"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
