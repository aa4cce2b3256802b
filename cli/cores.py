"""How much of the machine is ours: what decides how many processes are worth starting."""

import math
import os
from pathlib import Path
from typing import Final

_GROUPS: Final = Path("/sys/fs/cgroup")


def usable_cores(groups: Path = _GROUPS) -> int:
    """How many processors this process can keep busy: those that it may run on, within its container's quota.

    Args:
        groups: where the kernel shows the limits of the container, of control groups version 2 or 1.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, math.ceil(min(cores, _quota(groups))))


def _quota(groups: Path) -> float:
    """The processors of a container, part of one included; infinite when nothing limits them."""
    try:
        if (now := groups / "cpu.max").exists():
            limit, period = now.read_text().split()
        else:
            files = (groups / "cpu" / f"cpu.cfs_{name}_us" for name in ("quota", "period"))
            limit, period = (file.read_text().strip() for file in files)
        return math.inf if limit in ("max", "-1") else int(limit) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
