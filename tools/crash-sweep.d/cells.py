"""The matrix: which step, at which point, killed in which way."""

import dataclasses

WAY_FORWARD = [
    "pull", "raiseFence", "backUp", "stop", "liftFence", "start", "verify", "tidy",
]
WAY_BACK = [
    "removeCandidate", "saveData", "restoreData", "startPrevious", "verifyPrevious",
]
STEPS = WAY_FORWARD + WAY_BACK

# Of a step that the log calls n. Outcome n and intent n+1 are one transaction, so that there are
# three states of the log for five points; they differ in how far the process and the disk got.
POINTS = {
    "before-intent": "within the commit that would record it: its pages are written, and the "
                     "rollback journal that undoes them is still there",
    "after-intent": "as soon as another program can read it",
    "during": "with a part of its effect seen in the world, and the rest not done",
    "after-effect": "with all of it done, and the commit of its outcome waiting",
    "after-outcome": "within the commit of its outcome, just when that has become permanent",
}

KILLS = {
    "pawl": "SIGKILL of Pawl alone",
    "children": "SIGKILL of Pawl and of all that it has started, also in containers",
    "daemon": "SIGKILL of the Docker daemon while Pawl lives on; it is started again",
    "power": "SIGKILL of Pawl, the daemon, containerd, its shims and every container's processes; "
             "then the daemon is started as by a boot",
}

@dataclasses.dataclass(frozen=True)
class Cell:
    step: str
    point: str
    kill: str

    @property
    def name(self):
        return f"{self.step}:{self.point}:{self.kill}"

    @property
    def is_way_back(self):
        return self.step in WAY_BACK

    @property
    def version(self):
        """2.0.1 is sick: its upgrade always turns around."""
        return "2.0.1" if self.is_way_back else "2.0.0"

    @property
    def step_before(self):
        """The step whose outcome is in one transaction with this one's intent, if any."""
        if self.step == "pull":
            return None
        if self.step == "removeCandidate":
            return "verify"
        return STEPS[STEPS.index(self.step) - 1]

    @property
    def step_after(self):
        if self.step in (WAY_FORWARD[-1], WAY_BACK[-1]):
            return None
        return STEPS[STEPS.index(self.step) + 1]


def all_cells():
    return [Cell(step, point, kill) for kill in KILLS for step in STEPS for point in POINTS]


def chosen(patterns):
    """Cells by STEP[:POINT[:KILL]]; a part may be empty or `*` for any.

    Raises ValueError for what is no cell.
    """
    found = []
    for pattern in patterns:
        parts = [part or "*" for part in pattern.split(":")] + ["*", "*"]
        for part, names in zip(parts, (STEPS, POINTS, KILLS)):
            if part != "*" and part not in names:
                raise ValueError(f"{pattern}: there is no {part}; there are {', '.join(names)}")
        found += [
            cell for cell in all_cells() if cell not in found and all(
                part in ("*", name)
                for part, name in zip(parts, (cell.step, cell.point, cell.kill)))
        ]
    return found
