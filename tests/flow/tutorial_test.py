"""contrib/example-scheduler/TUTORIAL.md, done as it says: its commands are run in their order, in an
empty folder and against a `make install` into a temporary prefix, its files are saved and built, and
what it shows of their output is compared. Ports are exchanged for free ones; ids, ages and moments
differ from run to run, and `...` stands for whatever may be there.

The examples in C++ and Rust beside it are built from the same installed cube, checked, and place a
task in a cluster; the one in Rust where rustc is."""

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import BUILD, ROOT, RUNNING, SLOW, Cluster, free_port

FOLDER = os.path.join(ROOT, "contrib", "example-scheduler")
TUTORIAL = os.path.join(FOLDER, "TUTORIAL.md")
BLOCK_S = 120  # as long as one block of commands may take
MARK = "==== end of block"
VARYING = [  # as it is written in the tutorial, and what it is in truth
    (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    (r"\b[0-9a-f]{8}\b", r"[0-9a-f]{8}"),
    (r"\b\d+s\b", r"\d+[smh]"),
    (r"\b\d+\.\d %|\b\d+\.\d\d\b", r"[\d.]+(?: %)?"),  # measured
    (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", r"\d{4}-\d\d-\d\dT[0-9:.]+Z"),
    (r"\.\.\.", r".*?"),
    (r"\s+", r"\s+"),
]


class Block:
    def __init__(self, kind, name, line, text):
        self.kind, self.name, self.line, self.text = kind, name, line, text


def read_blocks(path):
    with open(path) as f:
        lines = f.read().split("\n")
    blocks, begin = [], None
    for i, line in enumerate(lines):
        if begin is None and line.startswith("```"):
            begin = i
        elif begin is not None and line == "```":
            kind, _, name = lines[begin][3:].partition(" ")
            blocks.append(Block(kind, name, begin + 2, "\n".join(lines[begin + 1:i]) + "\n"))
            begin = None
    assert begin is None, "the last block has no end"
    return blocks


def pattern_of(line):
    """A regular expression for a line that is shown."""
    out, at = "", 0
    while at < len(line):
        for written, true in VARYING:
            m = re.compile(written).match(line, at)
            if m and m.end() > at and (not written.startswith(r"\b") or at == 0 or not line[at - 1].isalnum()):
                out, at = out + true, m.end()
                break
        else:
            out, at = out + re.escape(line[at]), at + 1
    return out


def expected(text):
    """A line of `...` alone is any number of lines; what is shown is all there is otherwise."""
    lines = [r"(?:.*\n)*?" if line == "..." else pattern_of(line.rstrip()) + r"[ ]*\n"
             for line in text.rstrip("\n").split("\n")]
    return re.compile("".join(lines))


class Shell:
    """One bash for all blocks, so that folders, variables and jobs go on from one to the next."""

    def __init__(self, folder, env):
        self.process = subprocess.Popen(["bash", "--norc", "--noprofile"], cwd=folder, env=env, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.script = os.path.join(folder, "block")
        self.say("trap 'echo \"failed: $BASH_COMMAND\"; failed=1' ERR\n")

    def say(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def run(self, text):
        """(whether all of its commands went well, what they printed)"""
        with open(self.script, "w") as f:
            f.write(text)
        self.say(f"failed=0; . {self.script} </dev/null; echo '{MARK}' $failed\n")
        out, deadline = b"", time.monotonic() + BLOCK_S * SLOW
        end = re.compile(rf"^{MARK} (\d)\n\Z".encode(), re.M)
        while not (m := end.search(out)):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not data:
                return False, out.decode(errors="replace") + f"\n(it takes over {BLOCK_S} s, or the shell has ended)"
            out += data
        return m.group(1) == b"0", out[:m.start()].decode(errors="replace")

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Installed(unittest.TestCase):
    """With a cube in a prefix of its own, and an environment in which it is found."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()  # its folder, and what is left running in it in the end
        cls.addClassCleanup(cls.cluster.__exit__)
        cls.prefix = cls.cluster.path("prefix")
        made = subprocess.run(["make", "--no-print-directory", "-C", ROOT, "BUILD=" + BUILD, "install",
                               "PREFIX=" + cls.prefix], text=True, capture_output=True, timeout=300 * SLOW)
        assert made.returncode == 0, made.stdout + made.stderr
        cls.env = {k: v for k, v in os.environ.items() if not k.startswith(("CUBE_", "MAKE"))}
        cls.env.update(PATH=cls.prefix + "/bin:" + cls.env["PATH"], PKG_CONFIG_PATH=cls.prefix + "/share/pkgconfig",
                       LC_ALL="C", NO_COLOR="1")


class Tutorial(Installed):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.blocks = read_blocks(TUTORIAL)

    def test_every_command_does_what_the_tutorial_says(self):
        work = self.cluster.path("work")
        os.mkdir(work)
        free = set()
        while len(free) < 3:
            free.add(str(free_port()))
        ports = dict(zip(("5555", "5556", "5557"), free))
        shell = Shell(work, self.env)
        self.addCleanup(shell.close)
        here, output, commands = work, "", 0
        for block in self.blocks:
            text = re.sub("|".join(ports), lambda m: ports[m.group()], block.text)
            where = f"{TUTORIAL}:{block.line}"
            if block.kind == "sh":
                well, output = shell.run(text)
                self.assertTrue(well, f"{where}:\n{text}\nprinted:\n{output}{self.logs(here)}")
                here = os.readlink(f"/proc/{shell.process.pid}/cwd")
                commands += 1
            elif block.kind == "text":
                self.assertRegex(output, re.compile(r"\A" + expected(text).pattern + r"\Z"),
                                 f"{where} shows something else than what was printed")
            else:
                self.assertTrue(block.name, f"{where}: a file without a name")
                with open(os.path.join(here, block.name), "w") as f:
                    f.write(block.text)
        self.assertGreater(commands, 5)
        self.assertTrue(os.path.exists(self.prefix + "/lib/cube/plugins/scheduler/fewest.so"))

    def logs(self, folder):
        out = ""
        for name in sorted(os.listdir(folder)):
            if name.endswith(".log"):
                with open(os.path.join(folder, name), errors="replace") as f:
                    out += f"\n{name}:\n{f.read()[-2000:]}"
        return out

    def test_its_last_files_are_those_beside_it(self):
        last = {block.name: block.text for block in self.blocks if block.name}
        self.assertEqual(sorted(last), ["Makefile", "fewest.c"])
        for name, text in last.items():
            with open(os.path.join(FOLDER, name)) as f:
                self.assertEqual(f.read(), text, name)


class OtherLanguages(Installed):
    def run_well(self, *argv, folder=None):
        done = subprocess.run(argv, cwd=folder, env=self.env, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=300 * SLOW)
        self.assertEqual(done.returncode, 0, f"{argv}:\n{done.stdout}")
        return done.stdout

    def example(self, folder, name, *variables):
        """Builds it in a copy of its folder, and checks it; the path of the plugin."""
        here = self.cluster.path(folder)
        shutil.copytree(os.path.join(ROOT, "contrib", folder), here, ignore=shutil.ignore_patterns("*.so"))
        self.run_well("make", *variables, folder=here)
        path = os.path.join(here, name + ".so")
        self.run_well("cube", "plugin", "check", path)
        symbols = self.run_well("nm", "-D", "--defined-only", path).split()
        self.assertEqual(symbols[2::3], ["cube_plugin"])
        self.assertRegex(self.run_well("cube", "plugin", "info", path), rf"name +{name}\nkind +scheduler\n")
        return path

    def node_chosen(self, plugin, *options):
        """Where a task of one core goes, when n1 has one core and n2 has eight."""
        with Cluster(plugin) as c:
            c.start_manager(*options)
            c.start_worker("n1", "process.so", "--cpus", "1", "--memory", "1g")
            c.start_worker("n2", "process.so", "--cpus", "8", "--memory", "1g")
            c.wait_ready("n1", "n2")
            task = c.submit("/bin/sleep", "1000", Cpu=1, Memory=1 << 20)
            return c.wait_state(task["ID"], RUNNING)["Node"]

    def test_a_scheduler_in_cpp_is_built_checked_and_places(self):
        plugin = self.example("example-scheduler-cpp", "idlest", "CXXFLAGS=-O2 -Wall -Wextra -Wpedantic -Werror")
        # However busy this machine is: both nodes are it.
        self.assertEqual(self.node_chosen(plugin, "--scheduler-opt", "trust=0"), "n2")
        self.assert_refused(plugin, "trust=2", "trust=2: wants 0 to 1")

    @unittest.skipUnless(shutil.which("rustc"), "there is no rustc here")
    def test_a_scheduler_in_rust_is_built_checked_and_places(self):
        plugin = self.example("example-scheduler-rust", "roomiest", "RUSTFLAGS=-O -D warnings")
        self.assertEqual(self.node_chosen(plugin), "n2")
        self.assert_refused(plugin, "memory=much", "memory=much: wants 0 to 1000")

    def assert_refused(self, plugin, option, words):
        done = subprocess.run(["cube-manager", "--scheduler=" + plugin, "--scheduler-opt", option, "--data-dir",
                               self.cluster.path("refused"), "--port", str(free_port())], env=self.env, text=True,
                              capture_output=True, timeout=60 * SLOW)
        self.assertEqual((done.returncode, done.stderr.strip()), (2, "cube-manager: " + words))


if __name__ == "__main__":
    unittest.main()
