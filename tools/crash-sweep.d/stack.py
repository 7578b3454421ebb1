"""The application that is upgraded: a Noticeboard with its MariaDB, put back between two cells."""

import os
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.request

from engine import EngineError, Events
from host import wait_until

ROOT_PASSWORD = "root-secret"
SCHEMA = "noticeboard"
# Rows that no release's migration touches and no compression makes small: a dump and a restore
# take long enough to be caught in the middle.
BALLAST_ROWS = 6000
FIRST_VERSION = "1.0.0"
# A check of the host's own, so that a verification has a process of Pawl's to be killed.
SMOKE = """\
#!/bin/sh
sleep 0.2
exec curl -sf --noproxy '*' --max-time 10 "$1/version" | grep -q "\\"$2\\""
"""


class Trouble(Exception):
    """The sweep itself cannot go on: what it found is no verdict on Pawl."""


def run(words, **options):
    """A program's output; one that fails is trouble."""
    result = subprocess.run(words, capture_output=True, **options)
    if result.returncode != 0:
        raise Trouble(f"{words}: exit {result.returncode}: {result.stderr.decode()[-2000:]}")
    return result.stdout.decode()


class Stack:
    """A stack of the testbed's (tools/testbed stack), with a configuration for Pawl."""

    def __init__(self, testbed, name, pawl, directory):
        self.testbed = testbed
        self.engine = testbed.engine
        self.name = name
        self.pawl_path = pawl
        self.directory = pathlib.Path(directory)
        self.web = f"{name}_web"
        self.database = f"{name}_db"
        self.local_tag = f"{name}/noticeboard:latest"
        self.repository = testbed.environment["PAWL_TEST_RELEASE_IMAGE"]
        self.state = self.directory / "state"
        self.backups = self.directory / "backups"
        self.log = self.state / "pawl.sqlite"
        self.root_password = ROOT_PASSWORD
        self.events = Events(self.engine.path)
        self.earlier = [f"{self.web}.pawl-earlier-{number}" for number in (1, 2)]

    # --- Made once --------------------------------------------------------------------------------

    def up(self):
        environment = {"NOTICEBOARD_SLOW_SECONDS": "1", "MYSQL_ROOT_PASSWORD": ROOT_PASSWORD}
        self.address = self.testbed.call(
            "stack", "up", self.name, FIRST_VERSION, environment=environment).strip()
        self.port = int(self.address.rsplit(":", 1)[1])
        self.web_before = self.engine.container(self.web)
        self.image_id = self.web_before["Image"]
        self.sql(f"""
            CREATE TABLE ballast (id INTEGER PRIMARY KEY, noise VARCHAR(300) NOT NULL);
            INSERT INTO ballast SELECT seq, HEX(RANDOM_BYTES(150)) FROM seq_1_to_{BALLAST_ROWS};
            """)
        self.pristine = self.dump("--extended-insert")
        self.write_configuration()
        self.load_pristine()
        self.dump_before = self.dump_text()
        self.notices_before = self.notices(schema=1)
        self.ballast_before = self.rows("SELECT id, noise FROM ballast ORDER BY id")

    def down(self):
        self.testbed.call("stack", "down", self.name)

    def write_configuration(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        for name, text in (("registry", self.testbed.environment["PAWL_TEST_REGISTRY_PASSWORD"]),
                           ("root", ROOT_PASSWORD), ("smoke", SMOKE)):
            path = self.directory / name
            path.write_text(text)
            path.chmod(0o700)
        user = self.testbed.environment["PAWL_TEST_REGISTRY_USER"]
        (self.directory / "pawl.yaml").write_text(f"""\
state: state
instances:
  board:
    runtime:
      docker:
        engine: unix://{self.engine.path}
        image: {self.repository}
        local_tag: {self.local_tag}
        containers: [{self.web}]
        registry: {{ user: {user}, password: {{ file: {self.directory}/registry }} }}
    database:
      mysql:
        container: {self.database}
        schema: {SCHEMA}
        user: root
        password: {{ file: {self.directory}/root }}
    backups: {self.backups}
    checks:
      - running
      - release
      - log: {{ ready: 'ready on port', errors: ['Traceback'] }}
      - http: {{ url: '{self.address}/health' }}
      - http: {{ url: '{self.address}/version', version: {{ json: /version }} }}
      - command: ['{self.directory}/smoke', '{self.address}', '{{version}}']
    steady_for: 0s
    limits: {{ outage: 300s }}
""")

    # --- Put back between two cells ---------------------------------------------------------------

    def reset(self, version, with_earlier=False):
        """As it was before the first upgrade, with nothing of the candidate on this host."""
        self.testbed.start_docker()
        for name in self.engine.containers(f"{self.name}_"):
            if name != self.database:
                self.engine.remove(name)
        if not self.engine.container(self.database)["State"]["Running"]:
            self.engine.start(self.database)
        wait_until(self.database_answers, 60, f"{self.database} does not answer", pause=0.1)
        self.load_pristine()
        repository, tag = self.local_tag.rsplit(":", 1)
        self.engine.tag(self.image_id, repository, tag)
        self.engine.remove_image(f"{self.repository}:{version}")
        self.make_web()
        if with_earlier:
            for name in self.earlier:
                # As an upgrade leaves what it keeps: stopped, without a restart policy.
                self.engine.create(name, {"Image": self.local_tag})
        for directory in (self.state, self.backups):
            shutil.rmtree(directory, ignore_errors=True)
        wait_until(lambda: self.version() == FIRST_VERSION, 60, f"{self.web} does not serve",
                   pause=0.05)
        self.old = self.engine.container(self.web)

    def make_web(self):
        """The web container anew, from what the first one was made of."""
        config = dict(self.web_before["Config"])
        config.pop("Hostname")
        self.engine.create(self.web, {
            **config, "HostConfig": self.web_before["HostConfig"],
            "NetworkingConfig": {"EndpointsConfig": {self.name: {"Aliases": ["web"]}}},
        })
        self.engine.start(self.web)

    def database_answers(self):
        try:
            return self.sql("SELECT 1", schema="").strip() == "1"
        except (Trouble, EngineError):
            return False

    def load_pristine(self):
        # What a cell before has left is on its record already.
        self.sql(f"""
            SET GLOBAL read_only = 0;
            DROP DATABASE IF EXISTS {SCHEMA};
            CREATE DATABASE {SCHEMA};
            USE {SCHEMA};
            {self.pristine}""", schema="")

    # --- What it answers --------------------------------------------------------------------------

    def get(self, path, data=None):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.address + path, data, timeout=20) as answer:
            return answer.status, answer.read().decode()

    def version(self):
        """The version that it says it is; None where there is no answer."""
        try:
            text = self.get("/version")[1]
        except (OSError, urllib.error.URLError):
            return None
        return text.split('"')[3]

    # --- Its database, asked by programs that have no part in the one under test ------------------

    def client_options(self):
        networks = self.engine.container(self.database)["NetworkSettings"]["Networks"]
        # An engine that has just been killed may not have joined it to any again.
        network = (networks or {}).get(self.name)
        if network is None:
            raise Trouble(f"{self.database} is in no network {self.name}")
        return ["--no-defaults", f"--host={network['IPAddress']}", "--user=root",
                "--default-character-set=utf8mb4"]

    def client(self, program, options, text=None):
        return run([program] + self.client_options() + options,
                   input=text.encode() if text is not None else None,
                   env={**os.environ, "MYSQL_PWD": ROOT_PASSWORD}, timeout=120)

    def sql(self, statements, schema=SCHEMA):
        options = ["--batch", "--skip-column-names", "--connect-timeout=5"]
        return self.client("mariadb", options + ([schema] if schema else []), statements)

    def rows(self, statement):
        return self.sql(statement).splitlines()

    def dump(self, *options):
        return self.client("mariadb-dump", [
            "--skip-comments", "--order-by-primary", "--hex-blob", "--routines", "--events",
            "--triggers", *options, SCHEMA])

    def dump_text(self):
        """Schema and every row as text, a row a line."""
        return self.dump("--skip-extended-insert").splitlines()

    def notices(self, schema):
        """What every release must keep, whatever its schema."""
        return self.rows({
            1: "SELECT id, author, body, posted_at FROM notice ORDER BY id",
            2: "SELECT id, author, body, DATE_ADD('1970-01-01', INTERVAL posted_seconds SECOND) "
               "FROM notice_with_author ORDER BY id",
        }[schema])

    # --- Pawl on it -------------------------------------------------------------------------------

    def pawl(self, *words, output):
        """Starts it beside the sweep; what it says goes to a file."""
        with open(output, "ab") as file:
            return subprocess.Popen(
                [self.pawl_path, *words], cwd=self.directory, stdin=subprocess.DEVNULL,
                stdout=file, stderr=file, start_new_session=True,
                env={"PATH": os.environ["PATH"], "HOME": str(self.directory), "LANG": "C.UTF-8"})
