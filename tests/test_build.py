"""What a build of the image and a commit take from this folder."""

import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def test_the_build_sees_the_packages_and_no_secrets() -> None:
    """`.dockerignore` lets in what is installed, and nothing else."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    find = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}

    assert lines[0] == "*"
    assert allowed == {name.rstrip("*") for name in find["include"]} | {"pyproject.toml", "README.md", "requirements"}


def test_hooks_run_the_tools_of_the_virtual_environment() -> None:
    """Nothing is fetched for a commit: the hooks are local, and their tools are those that the tests install."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    tools = [hook["entry"].split()[0] for repo in hooks for hook in repo["hooks"]]

    assert [repo["repo"] for repo in hooks] == ["local"]
    assert set(tools) == {".venv/bin/ruff", ".venv/bin/mypy"}
