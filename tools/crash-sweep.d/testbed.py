"""The testbed's daemon (tools/testbed): killed here, and started again."""

import json
import os
import pathlib
import signal
import subprocess
import time

import host
from engine import Engine

TOOLS = pathlib.Path(__file__).resolve().parent.parent
COMES_BACK = ("always", "unless-stopped")


class Testbed:
    def __init__(self):
        self.environment = {}
        for line in self.call("env").splitlines():
            name, value = line.removeprefix("export ").split("=", 1)
            self.environment[name] = value
        self.state = pathlib.Path(self.environment["PAWL_TESTBED"])
        self.engine = Engine(str(self.state / "docker.sock"))
        _, self.bridge, self.subnet = (self.state / "settings").read_text().split()

    def call(self, *words, environment=None):
        result = subprocess.run(
            [TOOLS / "testbed", *words], capture_output=True, text=True, timeout=300,
            env={**os.environ, **(environment or {})})
        if result.returncode != 0:
            raise RuntimeError(f"tools/testbed {' '.join(words)}: {result.stderr}")
        return result.stdout

    # --- Processes of its daemon ------------------------------------------------------------------

    def daemon(self):
        pid = int((self.state / "run/dockerd.pid").read_text())
        if str(self.state) not in host.command_line(pid):
            raise RuntimeError(f"process {pid} is not the testbed's daemon")
        return pid

    def registry(self):
        return int((self.state / "run/registry-locked.pid").read_text())

    def in_containers(self):
        """Processes within its containers, whoever started them."""
        return [pid for pid in host.pids() if f"/{self.bridge}/" in host.cgroups(pid)]

    def supervisors(self):
        """containerd and its shims, which do not all end with the daemon."""
        return [
            pid for pid in host.pids()
            if host.read(f"/proc/{pid}/comm").startswith(b"containerd")
            and f"{self.state}/" in host.command_line(pid)
        ]

    def clients_of_pawl(self):
        """Programs that Pawl has started in containers: they carry its settings."""
        return [pid for pid in self.in_containers() if is_of_pawl(pid)]

    # --- Its death, and its coming back -----------------------------------------------------------

    def kill_daemon(self):
        host.kill_all([self.daemon()])

    def cut_power(self, others):
        """Everything that a power cut would end on this host, `others` first, all within moments.

        The registry is another host's, and goes on.
        """
        daemon = self.daemon()
        below = host.descendants(daemon)
        # Stopped, so that none of them does anything about the end of another.
        for pid in [*others, daemon]:
            host.send(pid, signal.SIGSTOP)
        everything = [*others, daemon, *below, *self.supervisors(), *self.in_containers()]
        host.kill_all(dict.fromkeys(everything))
        self.remove_cables()

    def remove_cables(self):
        """Takes away what the containers' network namespaces hang on.

        They outlive their processes for up to a minute, by TCP's timers, and go on answering for
        addresses that are somebody else's by then. No namespace outlives a power cut, and that of
        a daemon alone is not to be about this.
        """
        bridges = subprocess.run(["ip", "-br", "-4", "address", "show", "type", "bridge"],
                                 capture_output=True, text=True, check=True).stdout
        ours = [line.split()[0] for line in bridges.splitlines() if f" {self.subnet}." in line]
        for link in pathlib.Path("/sys/class/net").iterdir():
            master = link / "master"
            if link.name.startswith("veth") and master.exists() and \
                    os.path.basename(os.readlink(master)) in ours:
                # Its namespace may end in this very moment, and take it along.
                subprocess.run(["ip", "link", "delete", link.name], stderr=subprocess.DEVNULL)

    def start_docker(self):
        if not self.engine.answers():
            self.call("start-docker")

    def restart_docker(self):
        """In order, as a person does; what should run runs again afterwards."""
        daemon, expected = self.daemon(), self.to_come_back()
        host.send(daemon, signal.SIGTERM)
        host.wait_until(lambda: not host.is_alive(daemon), 60, "the daemon does not end")
        return self.boot(expected)

    def keeps_port(self, port):
        """Whether the engine holds a published port for a container that does not run.

        A Docker 20.10 that was killed while it started a container does so until its next restart.
        """
        ports = [published.get("PublicPort") for one in self.engine.ask("GET", "/containers/json")
                 for published in one["Ports"]]
        proxies = [host.command_line(pid) for pid in host.descendants(self.daemon())]
        return port not in ports and any(f"-host-port {port} " in line for line in proxies)

    def to_come_back(self):
        """Containers that ran when the daemon died and that a boot starts again, by what is on its
        disk."""
        found = []
        for directory in (self.state / "docker/containers").iterdir():
            try:
                config = json.loads((directory / "config.v2.json").read_text())
                settings = json.loads((directory / "hostconfig.json").read_text())
            except (FileNotFoundError, NotADirectoryError):
                continue
            if config["State"]["Running"] and not config.get("HasBeenManuallyStopped") and \
                    settings["RestartPolicy"]["Name"] in COMES_BACK:
                found.append(config["ID"])
        return found

    def boot(self, expected=None):
        """Starts the daemon, and what it should have started by itself.

        Debian's Docker 20.10 does not start containers again that it finds running after its own
        SIGKILL; newer ones do, and so does a boot, after which nothing runs.

        Returns the names of what was started, with `(by the sweep)` where Docker did not.
        """
        expected = expected or self.to_come_back()
        self.start_docker()
        if not self.engine.ask("GET", "/containers/json"):
            self.remove_cables()
        began = []
        for identifier in expected:
            container = self.engine.container(identifier)
            if container is None:
                continue
            name = container["Name"].lstrip("/")
            if container["State"]["Running"]:
                began.append(name)
            elif container["HostConfig"]["RestartPolicy"]["Name"] in COMES_BACK:
                self.engine.start(identifier)
                began.append(f"{name} (by the sweep)")
        return began


def is_of_pawl(pid):
    variables = host.environment(pid)
    return b"HOME=/nonexistent" in variables and any(
        variable.startswith(b"MYSQL_PWD=") for variable in variables)
