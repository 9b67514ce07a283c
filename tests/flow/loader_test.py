"""What the programs refuse at their start, and how they say it: plugins that do not fit, options,
addresses, folders and stores. One line on standard error, exit code 2, nothing touched."""

import hashlib
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import BUILD, ROOT, Cluster, free_port, program

FAKE = os.path.join(BUILD, "tests", "fake")


def fake(name):
    return os.path.join(FAKE, name + "_plugin.so")


class Start(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="cube-loader.")
        self.addCleanup(shutil.rmtree, self.dir)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def start(self, name, *options, env=None):
        """Starts a daemon that should not get ready; (exit code, what it said)."""
        argv = [program(name), *([] if "--data-dir" in options else ["--data-dir", self.path(name)]), *options]
        if not any(o.startswith("--port") for o in options):
            argv += ["--port", str(free_port())]
        p = subprocess.run(argv, text=True, capture_output=True, timeout=60, env=dict(os.environ, **(env or {})))
        self.assertEqual(p.stdout, "")
        return p.returncode, p.stderr

    def refused(self, text, name, *options, env=None):
        """It says just this, after its name, on one line, and exits 2. text: or a pattern."""
        code, err = self.start(name, *options, env=env)
        self.assertEqual(code, 2, err)
        # A warning may have been logged before.
        lines = [line for line in err.splitlines() if " warning listening.openly " not in line]
        self.assertEqual(len(lines), 1, err)
        if isinstance(text, re.Pattern):
            self.assertRegex(lines[0], "^" + name + ": " + text.pattern + "$")
        else:
            self.assertEqual(lines[0], f"{name}: {text}")


class Plugins(Start):
    def plugin(self, kind, name):
        return os.path.join(BUILD, "plugins", kind, name)

    def test_a_plugin_of_another_kind(self):
        scheduler = self.plugin("scheduler", "roundrobin.so")
        runtime = self.plugin("runtime", "process.so")
        for name in ["roundrobin.so", "roundrobin", scheduler]:
            self.refused(f"{scheduler} is a scheduler; --runtime wants a runtime", "cube-worker", "--runtime=" + name)
            self.refused(f"{scheduler} is a scheduler; --store wants a store", "cube-manager", "--store=" + name)
        self.refused(f"{runtime} is a runtime; --scheduler wants a scheduler", "cube-manager", "--scheduler=process")

    def test_one_that_is_not_there_with_where_it_was_looked_for(self):
        os.mkdir(self.path("mine"))
        self.refused(re.compile(rf"--scheduler: no plugin nothere\.so: looked for it and for scheduler/nothere\.so in "
                                rf"{self.path('mine')}, /one, /two, {BUILD}/plugins, /.*/lib/cube/plugins"),
                     "cube-manager", "--scheduler=nothere", "--plugin-dir", self.path("mine"),
                     env={"CUBE_PLUGIN_PATH": "/one:/two"})
        self.refused("--runtime: plugin ./nothere.so: No such file or directory", "cube-worker",
                     "--runtime=./nothere.so")
        self.refused("--scheduler: the plugin's name is empty", "cube-manager", "--scheduler=")

    def test_what_is_no_plugin(self):
        text = self.path("text.so")
        with open(text, "w") as f:
            f.write("#!/bin/sh\n")
        self.refused(f"{text}: not a cube plugin: it is no shared library", "cube-manager", "--scheduler=" + text)
        self.refused(f"{self.dir}: not a cube plugin: it is a folder", "cube-manager", "--scheduler=" + self.dir)

    def test_a_file_that_was_cut_short_anywhere_never_crashes_the_program(self):
        torn = self.path("torn.so")
        with open(self.plugin("scheduler", "roundrobin.so"), "rb") as f:
            whole = f.read()
        for size in [4, 30, 64, 200, 3000, 4096, 9000]:
            with open(torn, "wb") as f:
                f.write(whole[:size])
            with self.subTest(size=size):
                self.refused(f"{torn}: not a cube plugin: it is cut short", "cube-manager", "--scheduler=" + torn)
        with open(torn, "wb") as f:
            f.write(whole[:4] + b"\1" + whole[5:])  # another class
        self.refused(re.compile(re.escape(torn) + ": cannot be loaded: .+"), "cube-manager", "--scheduler=" + torn)

    def test_each_mistake_of_a_plugin_is_named(self):
        for name, text in [
                ("no_symbol", "not a cube plugin: undefined symbol: cube_plugin"),
                ("function", "not a cube plugin: its symbol cube_plugin is no struct cube_plugin"),
                ("other_abi", r"built for cube's plugin ABI 2, and this is cube \S+ with ABI 1: build it again with "
                              "the headers of this cube"),
                ("unknown_kind", r"a plugin of kind 9, which cube \S+ does not know"),
                ("small", "its cube_plugin says it is 40 bytes long, but ABI 1.0 has 56: set struct_size to its "
                          "sizeof"),
                ("boastful", r"its cube_plugin says it is \d+ bytes long and is 56: set struct_size to its sizeof "
                             r"\(CUBE_PLUGIN_HEADER does\)"),
                ("small_ops", "struct cube_scheduler_ops says it is 40 bytes long, but ABI 1.0 has 48: set "
                              "struct_size to its sizeof"),
                ("no_score", "the required function score of a scheduler is missing"),
                ("no_ops", "its cube_plugin has no ops"),
                ("bad_name", r"its name is missing or not \[a-z0-9-\], at most 32"),
                ("no_name", r"its name is missing or not \[a-z0-9-\], at most 32"),
                ("no_version", "it has no version"),
                ("twice", "declares option mode twice")]:
            with self.subTest(plugin=name):
                self.refused(re.compile(re.escape(fake(name)) + ": " + text), "cube-manager",
                             "--scheduler=" + fake(name))
                p = subprocess.run([program("cube"), "plugin", "info", fake(name)], text=True, capture_output=True,
                                   timeout=30)
                self.assertEqual((p.returncode, p.stdout), (1, ""))
                self.assertRegex(p.stderr, "^cube plugin: " + re.escape(fake(name)) + ": " + text + "\n$")
        self.assertFalse(os.path.exists(self.path("cube-manager", "cube.db")))

    def test_options_that_a_plugin_does_not_have(self):
        self.refused('--store-opt pat=x: sqlite has no option "pat"; it has: path', "cube-manager",
                     "--store-opt", "pat=x")
        self.refused('--store-opt path=x: memory has no option "path"; it takes none', "cube-manager",
                     "--store=memory", "--store-opt=path=x")
        self.refused("--store-opt path: wants KEY=VALUE", "cube-manager", "--store-opt", "path")
        self.refused('--scheduler-opt a=b: roundrobin has no option "a"; it takes none', "cube-manager",
                     "--scheduler=roundrobin", "--scheduler-opt", "a=b")
        self.refused('--scheduler-opt a=b: epvm has no option "a"; it has: base, cpu, memory, tasks, tasks_per_core',
                     "cube-manager", "--scheduler-opt", "a=b")
        self.refused(re.compile('--runtime-opt bad=1: process has no option "bad"; it has: dir, .*'), "cube-worker",
                     "--runtime=process", "--runtime-opt", "bad=1")
        self.refused('--runtime-opt bad=1: docker has no option "bad"; it has: socket, pull, network, config',
                     "cube-worker", env={"CUBE_WORKER_RUNTIME_OPT": "pull=never bad=1"})
        self.refused("untouched needs --scheduler-opt path=VALUE (where to look)", "cube-manager",
                     "--scheduler=" + fake("untouched"))

    def test_values_that_a_plugin_does_not_take(self):
        self.refused(re.compile('.*pull.*"sometimes".*always, missing or never'), "cube-worker", "--runtime=docker",
                     "--runtime-opt", "pull=sometimes")
        self.refused(re.compile('.*log_bytes.*"x".*'), "cube-worker", "--runtime=process", "--runtime-opt",
                     "log_bytes=x")
        self.refused(re.compile(".*base=1: wants a number from 1.1 to 1000000"), "cube-manager",
                     "--scheduler-opt", "base=1")
        self.refused(re.compile(".*label: wants the name of one label of the nodes.*"), "cube-manager",
                     "--scheduler=spread", "--scheduler-opt", "label=zone=a")

    def test_help_shows_the_options_of_the_chosen_plugins(self):
        def help_of(name, *options):
            p = subprocess.run([program(name), "--help", *options], text=True, capture_output=True, timeout=30)
            self.assertEqual((p.returncode, p.stderr), (0, ""))
            return p.stdout

        out = help_of("cube-worker", "--runtime=process.so")
        self.assertRegex(out, r"(?m)^Options of --runtime process\.so \(--runtime-opt KEY=VALUE\):\n  dir=")
        self.assertRegex(out, r"(?m)^Options of --store sqlite\.so \(--store-opt KEY=VALUE\):\n  path=")
        self.assertRegex(help_of("cube-worker"), r"(?m)^  pull=missing +\S")
        out = help_of("cube-manager", "--store=memory.so")
        self.assertRegex(out, r"(?m)^Options of --scheduler epvm\.so \(--scheduler-opt KEY=VALUE\):\n  base=256 +\S")
        self.assertIn("\n--scheduler roundrobin.so takes no options.\n", help_of("cube-manager", "--scheduler=roundrobin.so"))
        self.assertIn("\n--store memory.so takes no options.\n", out)
        # One that cannot be loaded is no reason to give no help.
        out = help_of("cube-manager", "--scheduler=nothere")
        self.assertIn("\nOptions of --scheduler nothere cannot be shown: ", out)
        for option in ["--scheduler", "--store-opt", "--plugin-dir", "--data-dir", "--node-timeout"]:
            self.assertRegex(out, rf"(?m)^ +{option}\b")

    def test_the_plugin_of_the_manual_page_builds_and_loads(self):
        with open(os.path.join(ROOT, "contrib", "man", "cube-plugin.7")) as f:
            page = f.read()
        source = page.split(".Bd -literal -offset indent\n")[1].split(".Ed\n")[0].replace("\\e", "\\")
        with open(self.path("first.c"), "w") as f:
            f.write(source)
        subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                        "-Wno-unused-value", "-I" + os.path.join(ROOT, "include"), "-fPIC", "-fvisibility=hidden",
                        "-shared", "-Wl,-z,defs", "-o", self.path("first.so"), self.path("first.c")], check=True,
                       timeout=60)
        p = subprocess.run([program("cube"), "plugin", "info", self.path("first.so")], text=True, capture_output=True,
                           timeout=30)
        self.assertEqual((p.returncode, p.stderr), (0, ""))
        self.assertIn("the node with the fewest tasks", p.stdout)
        p = subprocess.run([program("cube"), "plugin", "check", self.path("first.so")], text=True, capture_output=True,
                           timeout=60)
        self.assertEqual((p.returncode, p.stderr), (0, ""), p.stdout)
        with Cluster(scheduler="first") as cluster:
            cluster.start_manager("--plugin-dir", self.dir)
            cluster.start_worker("n1")
            cluster.wait_ready("n1")
            self.assertEqual(cluster.cube("run", "--wait", "/bin/true")[0], 0)


class Options(Start):
    def test_bad_values(self):
        for name, options, text in [
                ("cube-manager", ["--port=99999"], "--port 99999: must be a number from 0 to 65535"),
                ("cube-manager", ["--port=x"], "--port x: must be a number from 0 to 65535"),
                ("cube-manager", ["--prot=1"], "unknown option --prot: see cube-manager --help"),
                ("cube-manager", ["-x"], "unknown option -x: see cube-manager --help"),
                ("cube-manager", ["word"], "unexpected argument word: see cube-manager --help"),
                ("cube-manager", ["--version=1"], "--version takes no value"),
                ("cube-manager", ["--log-level=loud"],
                 "--log-level loud: must be error, warning, info or debug"),
                ("cube-manager", ["--node-timeout=1"], "--node-timeout 1: must be a time such as 30, 30s, 500ms, 5m "
                                                       "or 1h, from 3s to 3600s"),
                ("cube-manager", ["--events-max=-1"],
                 "--events-max -1: must be a number from 0 to 4294967295"),
                ("cube-manager", ["--workers=foo"], re.compile('.*"foo".*HOST:PORT.*')),
                ("cube-manager", ["--host=300.1.1.1"], re.compile("listen on 300.1.1.1: .+")),
                ("cube-manager", ["--host=192.0.2.1"], re.compile("listen on 192.0.2.1:\\d+: .+")),
                ("cube-worker", ["--runtime=process", "--name=a b"],
                 "--name 'a b' is not a name: [a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}"),
                ("cube-worker", ["--memory=lots"], "--memory wants a size such as 64m or 1.5g, not 'lots'"),
                ("cube-worker", ["--disk=1x"], "--disk wants a size such as 64m or 1.5g, not '1x'"),
                ("cube-worker", ["--memory=0"], "--memory 0 leaves nothing for tasks: without it they have the machine's"),
                ("cube-worker", ["--disk=0g"], "--disk 0 leaves nothing for tasks: without it they have the machine's"),
                ("cube-worker", ["--cpus=0"], "--cpus wants cores from 0.001 to 4096, such as 0.5, not '0'"),
                ("cube-worker", ["--runtime=process", "--labels=x"],
                 "--labels wants KEY=VALUE,KEY=VALUE, not 'x'"),
                ("cube-worker", ["--manager=https://x"], "--manager wants HOST:PORT, not 'https://x'"),
                ("cube-worker", ["--keep-ended=x"], "--keep-ended x: must be a number from 0 to 100000"),
                ("cube-worker", ["--log-level=loud"], re.compile("--log-level.*loud.*"))]:
            with self.subTest(options=options):
                self.refused(text, name, *options)

    def test_a_bad_value_of_the_environment_is_named_by_its_variable(self):
        self.refused("$CUBE_WORKER_KEEP_ENDED many: must be a number from 0 to 100000", "cube-worker",
                     env={"CUBE_WORKER_KEEP_ENDED": "many"})

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for name, options in [("cube-manager", []), ("cube-worker", ["--runtime=process"])]:
                self.refused(f"listen on 127.0.0.1:{port}: the port is taken by another program", name,
                             "--port", str(port), *options)

    def test_a_data_directory_that_cannot_be_one(self):
        plain = self.path("plain")
        with open(plain, "w"):
            pass
        self.refused(f"--data-dir {plain} is not a folder", "cube-manager", "--data-dir", plain)
        self.refused(re.compile(f"the data directory cannot be made: mkdir {plain}/x: .+"), "cube-worker",
                     "--runtime=process", "--data-dir", plain + "/x")
        self.refused(re.compile("the data directory cannot be made: mkdir /proc/cube: .+"), "cube-manager",
                     "--data-dir", "/proc/cube")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become another user")
    def test_a_data_directory_that_may_not_be_written(self):
        folder = self.path("closed")
        os.mkdir(folder, 0o755)
        os.chmod(self.dir, 0o755)
        p = subprocess.run([program("cube-manager"), "--data-dir", folder, "--port", str(free_port())], text=True,
                           capture_output=True, timeout=30, user=65534, group=65534, extra_groups=[])
        self.assertEqual((p.returncode, p.stderr), (2, f"cube-manager: --data-dir {folder}: Permission denied\n"))


class Stores(Start):
    """What is wrong with a store is said and left as it is."""

    def left_alone(self, path, text, *options, name="cube-manager"):
        def digest():
            with open(path, "rb") as f:
                return hashlib.sha256(f.read()).hexdigest()

        before = digest()
        self.refused(text, name, *options)
        self.assertEqual(digest(), before)

    def made(self):
        """A manager's own file, written and closed."""
        with Cluster() as cluster:
            manager = cluster.start_manager()
            cluster.submit("/bin/true")
            self.assertEqual(manager.kill(signal.SIGTERM), 0)
            shutil.copy(cluster.path("manager", "cube.db"), self.path("cube.db"))
        return self.path("cube.db")

    def test_one_that_another_process_has_open(self):
        with Cluster() as cluster:
            cluster.start_manager()
            data = cluster.path("manager")
            self.refused(f"{data}/cube.db is in use by another process: stop it, or choose another path=",
                         "cube-manager", "--data-dir", data)
            cluster.submit("/bin/true")  # and the first goes on

    def test_a_file_of_noise(self):
        path = self.path("noise.db")
        with open(path, "wb") as f:
            f.write(os.urandom(5000))
        self.left_alone(path, f"{path} is no cube store, or its first bytes are damaged; it was left as it is; "
                              "choose another path=", "--store-opt", "path=" + path)

    def test_a_database_of_another_program(self):
        path = self.path("other.db")
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE people (name TEXT)")
        db.commit()
        db.close()
        self.left_alone(path, f"{path} is a database of another program; it was left as it is; choose another path=",
                        "--store-opt", "path=" + path)

    def test_a_damaged_file(self):
        path = self.made()
        with open(path, "r+b") as f:
            f.seek(4096)
            f.write(b"A" * (os.path.getsize(path) - 4096))
        self.left_alone(path, re.compile(re.escape(path) + r" is damaged \(.*\): move it away .*restore a backup.*"),
                        "--store-opt", "path=" + path)

    def test_a_file_of_a_newer_cube(self):
        path = self.made()
        db = sqlite3.connect(path)
        db.execute("PRAGMA user_version = 99")
        db.commit()
        db.close()
        self.left_alone(path, re.compile(re.escape(path) + r" was written by a newer cube \(format 99, this one knows "
                                                           r"1\).*it was left as it is.*"),
                        "--store-opt", "path=" + path)

    def test_a_folder_that_is_not_there(self):
        self.refused("/nonexistent/x.db: its folder /nonexistent does not exist: make it, or choose another path=",
                     "cube-manager", "--store-opt", "path=/nonexistent/x.db")
        self.refused(re.compile(re.escape(self.dir) + " cannot be opened for writing: Is a directory"),
                     "cube-manager", "--store-opt", "path=" + self.dir)


if __name__ == "__main__":
    unittest.main()
