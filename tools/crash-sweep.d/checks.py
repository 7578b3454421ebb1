"""What has to be true when `pawl resume` has ended an upgrade, asked without Pawl's own code."""

import fcntl
import os
import subprocess

import host
import pawllog
from engine import is_candidate, name_of

VERIFIED, ROLLED_BACK = 0, 10
# Steps that a crash may have done once more: a fence goes with its process, and a backup that was
# taken under a lost one proves nothing.
REPEATABLE = ("raiseFence", "backUp")


class Findings:
    """What is not as it has to be."""

    def __init__(self):
        self.all = []

    def expect(self, is_good, text):
        if not is_good:
            self.all.append(text)


def first_differences(found, before):
    pairs = zip(found + ["(nothing)"] * len(before), before + ["(nothing)"] * len(found))
    differing = [f"now {new[:150]!r}, before {old[:150]!r}" for new, old in pairs if new != old]
    return "; ".join(differing[:3])


def check_all(stack, version, status, attempt, findings):
    """All of it, by how the upgrade has ended."""
    if status == VERIFIED:
        check_data_kept(stack, findings)
    else:
        check_data_identical(stack, findings)
    check_containers(stack, version, status, attempt, findings)
    check_nothing_at_work(stack, findings)
    check_service(stack, version if status == VERIFIED else "1.0.0", findings)
    check_log(stack, findings)
    check_engine(stack, status, attempt, findings)
    check_resuming_an_end(stack, status, attempt, findings)


# --- Data and service ----------------------------------------------------------------------------


def check_data_kept(stack, findings):
    notices = stack.notices(schema=2)
    findings.expect(notices == stack.notices_before, "migrated rows differ: "
                    + first_differences(notices, stack.notices_before))
    ballast = stack.rows("SELECT id, noise FROM ballast ORDER BY id")
    findings.expect(ballast == stack.ballast_before, "rows that no migration touches differ: "
                    + first_differences(ballast, stack.ballast_before))


def check_data_identical(stack, findings):
    dump = stack.dump_text()
    findings.expect(dump == stack.dump_before, "the dump is not that of before: "
                    + first_differences(dump, stack.dump_before))


def check_service(stack, version, findings):
    found = stack.version()
    findings.expect(found == version, f"it answers version {found}, not {version}")
    try:
        status = stack.get("/notices", b"author=Ada&body=afterwards")[0]
    except OSError as error:
        status = error
    findings.expect(status == 201, f"it takes no new notice: {status}")


# --- Containers ----------------------------------------------------------------------------------


def shape(container):
    return (container["State"]["Running"], container["HostConfig"]["RestartPolicy"]["Name"])


def check_containers(stack, version, status, attempt, findings):
    found = stack.engine.containers(f"{stack.name}_")
    serving, old = found.get(stack.web), stack.old
    kept = [name for name, one in found.items() if one["Id"] == old["Id"] and name != stack.web]
    names = {stack.database, stack.web}
    if status == VERIFIED:
        names |= set(kept)
        findings.expect(len(kept) == 1, "the old container is not kept")
        findings.expect(all(name.startswith(f"{stack.web}.pawl-") for name in kept),
                        f"the old container is kept as {kept}")
        findings.expect(all(shape(found[name]) == (False, "no") for name in kept),
                        "the kept container runs, or may start by itself")
    else:
        # Tidying is of success alone.
        names |= set(attempt.earlier)
    findings.expect(set(found) == names, f"containers left: {sorted(found)}")
    if serving is None:
        findings.expect(False, f"there is no {stack.web}")
        return
    findings.expect(shape(serving) == (True, "unless-stopped"),
                    f"{stack.web} is {shape(serving)} (running, restart policy)")
    is_ours = "io.pawl.upgrade" in serving["Config"]["Labels"]
    findings.expect(is_ours == (status == VERIFIED), f"{stack.web} is the wrong container")
    if status == ROLLED_BACK:
        findings.expect(serving["Id"] == old["Id"], "it is not the very container of before")
    wanted = stack.engine.image(f"{stack.repository}:{version}") if status == VERIFIED else None
    image = wanted["Id"] if wanted else stack.image_id
    findings.expect(serving["Image"] == image, f"{stack.web} runs another image")
    findings.expect(stack.engine.image(stack.local_tag)["Id"] == image,
                    f"{stack.local_tag} stands for another image")


# --- What a dead Pawl may leave ------------------------------------------------------------------


def check_nothing_at_work(stack, findings):
    left = [host.command_line(pid)[:120] for pid in stack.testbed.clients_of_pawl()]
    findings.expect(not left, f"programs of Pawl's run in containers: {left}")
    ours = f"HOME={stack.directory}".encode()
    running = [pid for pid in host.pids()
               if ours in host.environment(pid) and host.is_alive(pid)]
    findings.expect(not running, f"programs of Pawl's run: {running}")
    # The one that asks is its own.
    sessions = stack.sql("SELECT COUNT(*) FROM information_schema.PROCESSLIST "
                         "WHERE USER = 'root' AND ID <> CONNECTION_ID()").strip()
    findings.expect(sessions == "0", f"{sessions} sessions of Pawl's are left")
    findings.expect(stack.sql("SELECT @@GLOBAL.read_only").strip() == "0",
                    "the database is read-only")
    files = os.listdir(stack.backups) if stack.backups.exists() else []
    findings.expect(not any(".partial" in name for name in files), f"half a backup: {files}")
    for path in (stack.state / "locks").glob("*.lock"):
        with open(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                findings.expect(False, f"{path.name} is held")


# --- The log and the engine's story --------------------------------------------------------------


def check_log(stack, findings):
    replay = subprocess.run([stack.pawl_path, "replay"], cwd=stack.directory, text=True,
                            capture_output=True, timeout=60, env={"PATH": os.environ["PATH"]})
    findings.expect(replay.returncode == 0,
                    f"replay ends {replay.returncode}: {replay.stdout}{replay.stderr}")
    entries = pawllog.snapshot(stack.log)
    is_open, outcomes = None, {}
    for entry in entries:
        if entry.kind == "began":
            findings.expect(is_open is None, f"#{entry.sequence} begins within {is_open}")
            is_open = entry.step
        elif entry.kind in ("done", "failed"):
            findings.expect(is_open == entry.step, f"#{entry.sequence} closes what is not open")
            is_open = None
            outcomes[entry.step] = outcomes.get(entry.step, 0) + 1
        elif entry.kind in pawllog.CLOSING:
            is_open = None
    findings.expect(is_open is None, f"{is_open} has no outcome")
    for step, count in outcomes.items():
        findings.expect(count == 1 or step in REPEATABLE, f"{step} has {count} outcomes")


def check_engine(stack, status, attempt, findings):
    """Nothing was done twice: what a boot has started is not Pawl's doing."""
    def of_pawl(action, is_meant):
        return [
            event for event in stack.events.of_containers(action, attempt.began)
            if is_meant(event) and not any(
                kill.began <= event["timeNano"] / 1e9 <= kill.ended for kill in attempt.kills)
        ]
    starts = of_pawl("start", is_candidate)
    if any(kill.kind in ("daemon", "power") for kill in attempt.kills):
        # What a boot has started the engine starts again when it ends by itself.
        starts = [event for event in starts if not stack.events.is_restart(event)]
    findings.expect(len(starts) <= 1, f"the candidate was started {len(starts)} times")
    made = [event for event in stack.events.of_containers("create", attempt.began)
            if is_candidate(event)]
    # One that was made and never started is made anew.
    findings.expect(len(made) <= 1 + len(attempt.kills),
                    f"{len(made)} candidates were made")
    stops = of_pawl("die", lambda event: name_of(event) == stack.web and not is_candidate(event))
    findings.expect(len(stops) <= 1, f"the old container was stopped {len(stops)} times")


def check_resuming_an_end(stack, status, attempt, findings):
    before = pawllog.story(pawllog.snapshot(stack.log))
    again = attempt.resume(stack)
    findings.expect(again == status, f"resuming the end ends {again}, not {status}")
    after = pawllog.story(pawllog.snapshot(stack.log))
    findings.expect(before == after, "resuming the end has appended something")
