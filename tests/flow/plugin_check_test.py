"""`cube plugin check`: every plugin of ours passes, and fakes that break one promise each are named
for what they did."""

import concurrent.futures
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import BUILD, SLOW, Dockerd, program, wait_for

SANITIZED = "-" in os.path.basename(BUILD)


def fake(name):
    return os.path.join(BUILD, "tests", "fake", name + "_plugin.so")


def check(*args, timeout=120):
    """(exit code, stdout, stderr)"""
    p = subprocess.run([program("cube"), "plugin", "check", *args], text=True, capture_output=True,
                       timeout=timeout * SLOW)
    return p.returncode, p.stdout, p.stderr


# What goes through NULL: the undefined behaviour sanitizer is there before the machine.
CRASHED = "(crashed with SIGSEGV|ended the process with exit code 1) " if SANITIZED else "crashed with SIGSEGV "

# Option mode= of a fake, the check that finds it (its name begins so), and words of what it says.
SCHEDULERS = [
    ("score-overrun", "takes clusters of any size", r"score wrote behind its cost array \(1 past the end\), with 1 node"),
    ("score-underrun", "takes clusters of any size", r"score wrote before its cost array \(1 before its start\)"),
    ("overrun", "takes clusters of any size", r"select wrote behind its array of rows \(1 past the end\)"),
    ("column", "takes clusters of any size", r"score wrote into the column tasks \(at 0 of 1\)"),
    ("column-behind", "takes clusters of any size", r"score read behind the column tasks \(1 past the end\)"),
    ("row-out-of-range", "takes clusters of any size", "select chose row 1 of 1, with 1 node"),
    ("too-many", "takes clusters of any size", "select chose 1001 of 1 rows"),
    ("forgets-count", "takes clusters of any size", "select did not say how many rows it chose"),
    ("unsorted", "takes clusters of any size", "select gave row 0 after row 1, with 2 nodes"),
    ("doubled", "takes clusters of any size", "select gave row 0 after row 0"),
    ("not-eligible", "keeps to the rows that are eligible", "select chose row 12, which is not eligible, with 200 nodes, none eligible"),
    ("winner-out-of-range", "takes clusters of any size", "pick chose index 1 of 1"),
    ("strange-code", "takes clusters of any size", "score returned 77, which is no enum cube_err"),
    ("silent", "takes clusters of any size", r"score failed \(internal\) and did not say why"),
    ("select-fails", "takes clusters of any size", "select failed with a message that does not end"),
    ("full-stop", "opens and closes again and again", 'open failed with a message that ends with a full stop: "not today."'),
    ("open-fails", "opens and closes again and again", "open failed: not today"),
    ("opens-once", "opens and closes again and again", "open failed: already open, with open number 2 of one process"),
    ("crash-on-empty", "takes an empty cluster", CRASHED + "in select,? .*with an empty cluster"),
    ("crash", "takes clusters of any size", "crashed with SIGSEGV in score, with 1 node"),
    ("abort", "takes clusters of any size",
     r"crashed with SIGABRT in score, with 1 node \(it printed: a promise is broken\)"),
    ("exit", "takes clusters of any size", "ended the process with exit code 3 in score, with 1 node"),
    ("leak", "opens and closes again and again", "leaks: 120 bytes in 3 blocks are not given back when it is closed"),
    ("leak", "gives back what it takes", r"grows: \d+ bytes more are in use after 1200 more of the same calls"),
    ("closes-not", "opens and closes again and again", "leaks: .* are not given back when it is closed"),
    ("frees-twice", "opens and closes again and again", "gave host->realloc memory that (it had given back before|is not the "
                                                        "host's)|heap-use-after-free"),
    ("block-overrun", "opens and closes again and again", "wrote behind 24 bytes that it had from host->realloc"),
    ("no-memory-crash", "survives memory that is refused",
     CRASHED + "in open, .*with request 2 of memory refused"),
    ("no-memory-leak", "survives memory that is refused", "leaks: .* are not given back when open fails"),
    ("no-memory-bug", "survives memory that is refused", 'open says internal when memory is short: "out of memory"'),
    ("self-on-failure", "survives memory that is refused", "open failed .* and wrote .self all the same"),
    ("state", "changes nothing of itself in score", r"score changes self: row \d+ costs \S+, and \S+ when it is asked again"),
    ("state", "chooses the same however often score was called",
     "score changes self: choice number 1 is row .* when score was called in between"),
    ("rand", "makes the same choices twice", "is not deterministic: its choice number .* on a second instance"),
    ("clock", "makes the same choices at another time", "is not deterministic: its choice number .* at another time"),
    ("handler", "leaves its process as it was", "changed the handler of SIGUSR1"),
    ("environment", "leaves its process as it was", "changed the environment"),
    ("folder", "leaves its process as it was", "changed the working directory to /"),
    ("file", "leaves its process as it was", "left 1 files open behind close"),
    ("thread", "leaves its process as it was", "left 1 threads running behind close"),
]

# And what it says ROW_PURE about, which is not so.
DISHONEST = [
    ("others", r"breaks ROW_PURE: row \d+ costs \S+, and \S+ when only other rows have changed"),
    ("together", r"breaks ROW_PURE: row \d+ costs \S+, and \S+ when it is asked for with other rows"),
    ("order", r"breaks ROW_PURE: row \d+ costs \S+, and \S+ when it is asked for with other rows"),
    ("place", r"breaks ROW_PURE: row \d+ costs \S+, and \S+ when its node has moved to another row"),
    ("peers", r"breaks ROW_PURE: row \d+ costs \S+, and \S+ when only other rows have changed"),
    ("clock", r"breaks ROW_PURE: row \d+ costs \S+, and \S+ when only the time and the generator went on"),
    ("random", r"breaks ROW_PURE: row \d+ costs \S+, and \S+ when"),
]

STORES = [
    ("forgets", "has everything when it is opened again", 'gave "" instead of "a=1 c=3", with what was committed before'),
    ("forgets", "has everything when its process was killed", 'gave "" instead of "a=3 c=4"'),
    ("half", "writes all of a commit or nothing", 'gave "new=1" instead of "a=1"'),
    ("backwards", "applies the writes of a commit in their order", 'gave "a=1 b=1" instead of "a=2"'),
    ("cuts-values", "reads back what was committed", "scan gave another value of 1 bytes, with a value of 2 bytes"),
    ("unsorted", "keeps keys in the order of their bytes", 'scan gave " " after "B"'),
    ("no-limit", "ends a scan where it is told to", "scan gave 4 records, and 1 were asked for"),
    ("stands-still", "gives revisions that grow", "commit gave revision 1 after revision 1"),
    ("compares-nothing", "writes all of a commit or nothing", "commit wrote what it had to refuse as conflict"),
]


TASK = "runs a task, stops and removes it"
RUNTIMES = [
    ("enforces-all", "says whether its engine is there", "probe says it enforces what has no name: 0xffffffff"),
    ("lists-others", "shows a worker its own containers alone", "list shows container of-another to a worker that has none"),
    ("lists-others", "leaves nothing behind", "list shows container of-another, which is not of this check"),
    ("knows-all", "says of a container that is not there", "inspect knows a container that is not there"),
    ("absent-invalid", "says of a container that is not there", "inspect says internal of a container that is not there"),
    ("remove-strict", "says of a container that is not there", "remove fails for a container that is gone"),
    ("late", "comes back at its deadlines", r"probe came back \d+ ms after its deadline"),
    ("tells-late", "starts and stops its events", "told of an event behind stop"),
    ("bad-image-later", "refuses what cannot be run", "run refuses it as unavailable, and not as invalid or not-found"),
    ("runs-anything", "refuses what cannot be run", "run says that .* runs"),
    ("leaves", "refuses what cannot be run", "run failed and left a container"),
    ("ends-tasks", TASK, "inspect does not find what runs: .*, with a runtime that is opened again"),
    ("runs-twice", TASK, "run makes a second container when it is repeated"),
    ("lists-nothing", TASK, "list shows 0 containers, and there is one"),
    ("removes-running", TASK, "remove takes away what runs, or does not call it conflict"),
    ("never-finished", TASK, "inspect does not say when it has ended"),
    ("starts-again", TASK, "run starts an attempt again that has ended"),
    ("removes-not", TASK, "inspect does not say not-found of what is removed"),
]


class Ours(unittest.TestCase):
    def test_every_plugin_of_ours_passes(self):
        plugins = sorted(glob.glob(os.path.join(BUILD, "plugins", "*", "*.so")))
        self.assertGreaterEqual(len(plugins), 9)
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for plugin, (code, out, err) in zip(plugins, pool.map(check, plugins)):
                with self.subTest(plugin=plugin):
                    self.assertEqual((code, err), (0, ""), out)
                    self.assertRegex(out, r"\n\d+ passed, 0 failed(, \d+ skipped)?\n$")
                    self.assertNotIn("FAILED", out)
                    if "/scheduler/" in plugin and "roundrobin" not in plugin:
                        self.assertNotIn("skipped", out)

    def test_a_task_of_a_process_runs_and_is_gone(self):
        code, out, err = check("process", "--run", "/bin/sleep", "1000")
        self.assertEqual((code, err), (0, ""), out)
        self.assertIn("\nok      runs a task, stops and removes it\nok      leaves nothing behind\n", out)
        code, out, err = check("process", "--run", "/no/such/program")
        self.assertEqual((code, err), (1, ""), out)
        self.assertRegex(out, "\nFAILED  runs a task, stops and removes it: (prepare|run) failed: .*/no/such/program")
        self.assertIn("\nok      leaves nothing behind\n", out)

    def test_a_task_of_docker_runs_and_is_gone(self):
        with Dockerd() as dockerd:
            code, out, err = check("docker", "--opt", "socket=" + dockerd.socket, "--run", "cube-test/busybox", "sleep",
                                   "1000")
            self.assertEqual((code, err), (0, ""), out)
            self.assertNotIn("skipped", out)
            self.assertEqual(dockerd.docker("ps", "-aq"), "")

    def test_a_fake_that_keeps_its_promises_passes(self):
        for name, options in [("hostile", []), ("earlier", []), ("larger", []), ("careless", ["--run", "image"])]:
            code, out, err = check(fake(name), *options)
            self.assertEqual((code, err), (0, ""), out)


class Fakes(unittest.TestCase):
    def named(self, name, table, *more):
        def run(row):
            # The choices of one check are those that another compares with.
            only = "choices" if "another time" in row[1] else row[1]
            return check(fake(name), "--opt", "mode=" + row[0], "--only", only, *more)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for (mode, place, words), (code, out, err) in zip(table, pool.map(run, table)):
                with self.subTest(mode=mode):
                    self.assertEqual((code, err), (1, ""), out)
                    self.assertRegex(out, rf"(?m)^FAILED  {re.escape(place)}.*: .*(?:{words})")
                    # A clock may also go on between two choices that are made one after the other.
                    failed = "[12]" if mode == "clock" else "1"
                    self.assertRegex(out, rf"\n\d passed, {failed} failed\n$")

    def test_a_scheduler_is_named_for_what_it_did(self):
        # A sanitizer's allocator does not tell what is in use.
        self.named("hostile", [row for row in SCHEDULERS if not (SANITIZED and "grows" in row[2])])
        # One that does harm in every call is named in every check, and each is made.
        code, out, err = check(fake("hostile"), "--opt", "mode=score-overrun")
        self.assertEqual((code, err), (1, ""))
        self.assertGreater(len(re.findall(r"(?m)^FAILED .*score wrote behind its cost array", out)), 10, out)

    def test_row_pure_that_is_not_true_is_named(self):
        self.named("dishonest", [(mode, "scores a row by that row alone (ROW_PURE)", words) for mode, words in DISHONEST])
        code, out, err = check(fake("dishonest"))
        self.assertEqual((code, err), (0, ""), out)

    def test_a_store_is_named_for_what_it_did(self):
        self.named("forgetful", STORES)

    def test_a_runtime_is_named_for_what_it_did(self):
        self.named("careless", RUNTIMES, "--run", "image")
        code, out, err = check(fake("careless"), "--opt", "mode=not-there", "--run", "image")
        self.assertEqual((code, err), (0, ""), out)
        self.assertIn("\nskipped runs a task, stops and removes it: its engine does not answer: nobody answers\n", out)

    def test_one_that_hangs_is_ended_and_named(self):
        # On a busy machine the clock's limit comes before the processor's.
        for mode, words in [("hang", "(300 ms of processor time|900 ms)"), ("sleep", "900 ms")]:
            begin = time.monotonic()
            code, out, err = check(fake("hostile"), "--opt", "mode=" + mode, "--timeout", "300ms")
            self.assertEqual((code, err), (1, ""), out)
            self.assertRegex(out, "\nFAILED  opens and closes again and again: score did not return within " + words)
            self.assertIn("\nskipped takes an empty cluster: three checks before it hung\n", out)
            self.assertLess(time.monotonic() - begin, 30 * SLOW)

    def test_what_is_no_plugin(self):
        here = os.path.abspath(__file__)
        for file, words in [(here, "not a cube plugin: it is no shared library"),
                            (fake("no_symbol"), "not a cube plugin: undefined symbol: cube_plugin"),
                            (fake("other_abi"), "built for cube's plugin ABI 2"),
                            (fake("no_score"), "the required function score of a scheduler is missing"),
                            ("/no/such/file.so", "No such file or directory"),
                            ("nothere", "looked for it and for KIND/nothere.so in")]:
            with self.subTest(file=file):
                code, out, err = check(file)
                self.assertEqual((code, err), (1, ""))
                self.assertRegex(out, "^FAILED  is a plugin that this cube loads: .*" + re.escape(words))
                self.assertTrue(out.endswith("\n0 passed, 1 failed\n"), out)

    def test_options_that_it_does_not_have_are_a_mistake_of_usage(self):
        code, out, err = check(fake("gated"))
        self.assertEqual((code, out), (2, ""))
        self.assertEqual(err, "cube plugin: gated needs --opt gates=VALUE (folder of the gates)\n")
        code, out, err = check("epvm", "--only", "frobs")
        self.assertEqual((code, err), (2, "cube plugin: --only frobs: no check of a scheduler has this in its name\n"))

    def test_scripts_get_the_same_as_json(self):
        code, out, err = check(fake("hostile"), "--opt", "mode=crash-on-empty", "-o", "json")
        self.assertEqual((code, err), (1, ""))
        found = json.loads(out)
        self.assertEqual((found["Kind"], found["Name"], found["Version"]), ("scheduler", "hostile", "1"))
        self.assertEqual((found["Failed"], found["Skipped"]), (1, 1))
        self.assertEqual(found["Passed"] + 2, len(found["Checks"]))
        failed = [c for c in found["Checks"] if c["Result"] == "failed"]
        self.assertEqual([c["Name"] for c in failed], ["takes an empty cluster"])
        self.assertRegex(failed[0]["What"], CRASHED + "in select")
        plain = check(fake("hostile"), "--opt", "mode=crash-on-empty")[1]
        self.assertEqual(len(plain.splitlines()), len(found["Checks"]) + 2)

    def test_interrupted_it_leaves_nothing(self):
        folder = tempfile.mkdtemp(prefix="cube-tmp.")
        try:
            p = subprocess.Popen([program("cube"), "plugin", "check", fake("hostile"), "--opt", "mode=sleep"],
                                 stdout=subprocess.DEVNULL, env=dict(os.environ, TMPDIR=folder))
            wait_for("a check under way", lambda: glob.glob(folder + "/cube-check-*/c*"))
            time.sleep(0.3)
            p.send_signal(signal.SIGINT)
            self.assertEqual(p.wait(timeout=30), -signal.SIGINT)
            self.assertEqual(os.listdir(folder), [])
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    unittest.main()
