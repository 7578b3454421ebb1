"""Processes of this host, as /proc shows them (proc(5))."""

import os
import pathlib
import signal
import time


class Deadline(Exception):
    """Something did not happen in time."""


def wait_until(condition, seconds, what, pause=0.005):
    """The first true value of `condition`; fails with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Deadline(f"not within {seconds} s: {what}")
        time.sleep(pause)


def read(path, default=b""):
    """A file of /proc; one that has gone meanwhile reads as the default."""
    try:
        return pathlib.Path(path).read_bytes()
    except OSError:
        return default


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def stat(path):
    """State and parent from a `stat` file; None where there is none."""
    text = read(path).decode(errors="replace")
    if not text:
        return None
    fields = text[text.rindex(")") + 2:].split()
    return fields[0], int(fields[1])


def is_alive(pid):
    found = stat(f"/proc/{pid}/stat")
    return found is not None and found[0] not in "ZX"


def descendants(root):
    """Of a process, itself left out; children before grandchildren."""
    parents = {}
    for pid in pids():
        found = stat(f"/proc/{pid}/stat")
        if found:
            parents.setdefault(found[1], []).append(pid)
    result, front = [], [root]
    while front:
        front = [child for parent in front for child in parents.get(parent, [])]
        result += front
    return result


def children(pid):
    """Quicker than all descendants; source: proc(5), `children` of each thread."""
    found = []
    for thread in thread_states(pid):
        found += map(int, read(f"/proc/{pid}/task/{thread}/children").split())
    return found


def command_line(pid):
    return read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def environment(pid):
    return read(f"/proc/{pid}/environ").split(b"\0")


def cgroups(pid):
    return read(f"/proc/{pid}/cgroup").decode(errors="replace")


def send(pid, number):
    """A signal; to a process that has ended by itself it is none."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def freeze(pid):
    """Stops a process where it is, all of its threads, before anything else is asked."""
    send(pid, signal.SIGSTOP)
    wait_until(lambda: all(state in "TtZX" for state in thread_states(pid).values()), 5,
               f"process {pid} does not stop", pause=0.0001)


def thread_states(pid):
    try:
        names = os.listdir(f"/proc/{pid}/task")
    except FileNotFoundError:
        return {}
    states = {name: stat(f"/proc/{pid}/task/{name}/stat") for name in names}
    return {name: found[0] for name, found in states.items() if found}


def kill_all(targets):
    """SIGKILL to each of them, and proof that they have gone."""
    targets = list(targets)
    for pid in targets:
        send(pid, signal.SIGKILL)
    wait_until(lambda: not any(is_alive(pid) for pid in targets), 15,
               f"of {targets} some survive SIGKILL")


def lock_waiters(path):
    """Processes that hold a write lock on SQLite's pending byte: they wait for readers to end.

    Source: /proc/locks (proc(5)); sqlite.org/lockingv3.html; PENDING_BYTE of SQLite's os.h.
    """
    try:
        inode = str(os.stat(path).st_ino)
    except FileNotFoundError:
        return []
    found = []
    for line in read("/proc/locks").decode().splitlines():
        fields = line.split()
        if "->" in fields or len(fields) < 8 or fields[1] not in ("POSIX", "OFDLCK"):
            continue
        if fields[3] == "WRITE" and fields[5].split(":")[-1] == inode and \
                int(fields[6]) <= 0x40000000 and fields[7] != "EOF" and \
                int(fields[7]) >= 0x40000000:
            found.append(int(fields[4]))
    return found
