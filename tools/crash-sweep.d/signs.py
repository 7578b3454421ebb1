"""What the world shows while a step is half done."""

import os
import signal
import subprocess
import time

import host
from engine import is_candidate, name_of


class Sign:
    """Looked for between two turns of Pawl's; `begin` comes with the step's intent on record."""

    def __init__(self, catch):
        self.catch = catch
        self.stack = catch.stack
        self.began = time.time()

    def begin(self):
        self.began = time.time()


class EngineEvent(Sign):
    """The engine has just done this to a container."""

    def __init__(self, catch, action, is_meant):
        super().__init__(catch)
        self.action = action
        self.is_meant = is_meant

    def is_there(self):
        # The engine tells of it a little later than it does it.
        time.sleep(0.001)
        # It may have begun before its intent was seen.
        events = self.stack.events.of_containers(self.action, self.began - 0.2)
        return any(self.is_meant(event) for event in events)


class Bytes(Sign):
    """So much of a backup is written."""

    def __init__(self, catch, part, size):
        super().__init__(catch)
        self.part = part
        self.size = size

    def is_there(self):
        if not self.stack.backups.exists():
            return False
        for path in self.stack.backups.iterdir():
            if self.part in path.name and path.name.endswith(".partial"):
                return path.stat().st_size >= self.size
        return False


class Answer(Sign):
    """The database server answers `1` to a question, asked in a session that is kept open."""

    def __init__(self, catch, question):
        super().__init__(catch)
        self.question = question
        self.session = subprocess.Popen(
            ["mariadb", *self.stack.client_options(), "--batch", "--skip-column-names",
             "--unbuffered"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "MYSQL_PWD": self.stack.root_password}, text=True, bufsize=1)
        catch.undo.append(self.end)
        self.ask("SELECT 1")

    def ask(self, question):
        self.session.stdin.write(f"{question};\n")
        self.session.stdin.flush()
        return self.session.stdout.readline().strip()

    def is_there(self):
        return self.ask(self.question) == "1"

    def end(self):
        self.session.kill()
        self.session.wait()
        self.session.stdin.close()
        self.session.stdout.close()


class Waiting(Sign):
    """The engine has asked the registry, which does not answer.

    Source: /proc/net/tcp (proc(5)), a connection to its port with bytes that nobody reads.
    """

    def __init__(self, catch):
        super().__init__(catch)
        self.registry = self.stack.testbed.registry()
        address = self.stack.testbed.environment["PAWL_TEST_REGISTRY"]
        self.port = f":{int(address.split(':')[1]):04X}"

    def begin(self):
        super().begin()
        # Planning has asked it before.
        host.freeze(self.registry)
        self.catch.undo.append(lambda: host.send(self.registry, signal.SIGCONT))

    def is_there(self):
        for line in host.read("/proc/net/tcp").decode().splitlines()[1:]:
            fields = line.split()
            unread = int(fields[4].split(":")[1], 16)
            if fields[1].endswith(self.port) and fields[3] == "01" and unread:
                return True
        return False


class Smoke(Sign):
    """The check that is a program of this host's is running."""

    def is_there(self):
        return any("/smoke" in host.command_line(pid)
                   for pid in host.children(self.catch.pid))


def of(step, catch):
    """The sign of a step that is half done."""
    web, stack = catch.stack.web, catch.stack
    makers = {
        "pull": lambda: Waiting(catch),
        "raiseFence": lambda: Answer(catch, "SELECT @@GLOBAL.read_only"),
        "backUp": lambda: Bytes(catch, "before", 65_536),
        # Stopped, and neither parked nor without its restart policy yet.
        "stop": lambda: EngineEvent(catch, "die", lambda event: name_of(event) == web),
        "liftFence": lambda: Answer(catch, "SELECT NOT @@GLOBAL.read_only"),
        # Made, and not started yet.
        "start": lambda: EngineEvent(catch, "create", is_candidate),
        "verify": lambda: Smoke(catch),
        # One of two.
        "tidy": lambda: EngineEvent(
            catch, "destroy", lambda event: name_of(event) in stack.earlier),
        # Stopped, and not removed yet.
        "removeCandidate": lambda: EngineEvent(catch, "die", is_candidate),
        "saveData": lambda: Bytes(catch, "migrated", 65_536),
        "restoreData": lambda: Answer(
            catch, "SELECT COUNT(*) > 0 FROM information_schema.PROCESSLIST "
                   "WHERE INFO LIKE 'INSERT INTO `ballast`%'"),
        # It has its name again, and does not run yet.
        "startPrevious": lambda: EngineEvent(catch, "rename", lambda event: name_of(event) == web),
        "verifyPrevious": lambda: Smoke(catch),
    }
    return makers[step]()
