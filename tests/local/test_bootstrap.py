"""The environment of `make run` and `make test`: made once, made again when what it depends on changes."""

import os
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from local import bootstrap
from tests.support.system import wait_for

ROOT = Path(__file__).parents[2]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would be run; the environment's Python is a file."""
    done: list[list[str]] = []

    class Done:
        returncode = 0

    def run(step: list[str], **_: object) -> Done:
        done.append(step)
        return Done()

    def create(folder: Path, **_: object) -> None:
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").touch()

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(venv, "create", create)
    return done


def test_a_second_run_installs_nothing(tmp_path: Path, steps: list[list[str]]) -> None:
    """It costs nothing to say `make run` again."""
    words = [str(tmp_path / "venv"), str(ROOT / "requirements" / "run.txt")]

    assert [bootstrap.main(words), bootstrap.main(words)] == [0, 0]
    assert len(steps) == 2


def test_other_requirements_are_installed(tmp_path: Path, steps: list[list[str]]) -> None:
    """A new lock file reaches an old environment; hashes are asked for."""
    lock = tmp_path / "run.txt"
    lock.write_text("a==1")
    bootstrap.main([str(tmp_path / "venv"), str(lock)])
    lock.write_text("a==2")
    bootstrap.main([str(tmp_path / "venv"), str(lock)])

    assert len(steps) == 4
    assert "--require-hashes" in steps[0]


def test_an_installation_that_fails_says_what_to_do_and_is_tried_again(
    tmp_path: Path, steps: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stamp is written last."""
    words = [str(tmp_path / "venv"), str(ROOT / "requirements" / "run.txt")]

    class Failed:
        returncode = 1

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", lambda *_, **__: Failed())
        assert bootstrap.main(words) == 1
    assert "run the same\ncommand again" in capsys.readouterr().err
    assert bootstrap.main(words) == 0
    assert len(steps) == 2


def test_an_old_python_is_told_which_one_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And how to name another one."""
    monkeypatch.setattr(bootstrap, "LEAST_PYTHON", (99, 0))

    assert bootstrap.main([str(tmp_path), "x"]) == 1
    assert "make run PYTHON=python3.12" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["run", "test", "runtime"])
def test_lock_files_have_hashes_and_name_no_host(name: str) -> None:
    """Where packages come from is the machine's business, what they are is ours."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()

    assert "://" not in text
    packages = [line for line in text.splitlines() if "==" in line]
    assert packages
    assert all(line.rstrip().endswith("\\") for line in packages), "each is followed by its hashes"


def test_an_interrupted_first_run_is_told_and_done_again(
    tmp_path: Path, steps: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C after Python and before pip has come into the folder: the next run begins anew."""
    folder = tmp_path / "venv"
    words = [str(folder), str(ROOT / "requirements" / "run.txt")]

    def interrupted(folder: Path, **_: object) -> None:
        (folder / "bin").mkdir()
        (folder / "bin" / "python").touch()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(venv, "create", interrupted)
        assert bootstrap.main(words) == 1
    assert capsys.readouterr().err.splitlines()[-1] == bootstrap.INTERRUPTED.strip()
    assert bootstrap.main(words) == 0  # its own `mkdir` fails where a half of it is left
    assert len(steps) == 2


def test_a_real_environment_is_whole_after_an_interrupted_run(tmp_path: Path) -> None:
    """Killed as soon as Python is there: pip is there after the next run all the same."""
    folder = tmp_path / "venv"
    script = f"from local import bootstrap; from pathlib import Path; print(bootstrap.make(Path({str(folder)!r})))"
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, start_new_session=True) as process:
        wait_for("Python", (folder / "bin" / "python").exists)
        os.killpg(process.pid, signal.SIGKILL)

    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True).stdout == b"True\n"
    subprocess.run([folder / "bin" / "python", "-m", "pip", "--version"], capture_output=True, check=True)


@pytest.mark.parametrize("error", [subprocess.CalledProcessError(1, "ensurepip"), ImportError("ensurepip")])
def test_a_python_without_pip_is_told_what_to_install(
    tmp_path: Path,
    steps: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
) -> None:
    """Debian keeps ensurepip in a package of its own."""

    def fails(_: Path, **__: object) -> None:
        raise error

    monkeypatch.setattr(venv, "create", fails)

    assert bootstrap.main([str(tmp_path / "venv"), str(ROOT / "requirements" / "run.txt")]) == 1
    assert "apt install python3-venv" in capsys.readouterr().err
    assert steps == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the setting that names another one."""
    (tmp_path / "file").touch()

    assert bootstrap.main([str(tmp_path / "file" / "venv"), str(ROOT / "requirements" / "run.txt")]) == 1
    assert "make run VENV=" in capsys.readouterr().err
