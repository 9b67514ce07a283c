"""`cube sim` as a user calls it: every built scheduler over made-up and recorded workloads, the
public traces through the converter, constraints, priorities and jobs at work, its errors word
by word, the chart, and the bar on a terminal."""

import csv
import glob
import gzip
import importlib.machinery
import importlib.util
import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import BUILD, ROOT, SLOW, amount, program

TRACES = os.path.join(ROOT, "tests", "flow", "traces")
CONVERT = os.path.join(ROOT, "contrib", "trace", "convert")
SCHEDULERS = sorted(os.path.basename(p) for p in glob.glob(os.path.join(BUILD, "plugins", "scheduler", "*.so")))
TIMES = ("PlacementsPerSecond", "PlaceSeconds", "WallSeconds")  # the only figures that differ
# What a scheduler may do wrong without ending the process.
MODES = ("row-out-of-range", "too-many", "overrun", "unsorted", "doubled", "score-overrun", "silent", "strange-code",
         "winner-out-of-range")
HEAD = "arrival,duration,cpu,memory,priority,job,constraints\n"


def cube_sim(*args, env=None, **more):
    """(exit code, stdout, stderr)"""
    p = subprocess.run([program("cube"), "sim", *args], text=True, capture_output=True, timeout=300 * SLOW,
                       env=dict(os.environ, **(env or {})), **more)
    return p.returncode, p.stdout, p.stderr


class Folder(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="cube-sim.")
        self.addCleanup(shutil.rmtree, self.dir)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def sim(self, *args, **more):
        """The report as JSON, without what differs from run to run."""
        code, out, err = cube_sim("-o", "json", *args, **more)
        self.assertEqual((code, err), (0, ""))
        report = json.loads(out)
        for one in report["Schedulers"]:
            for name in TIMES:
                self.assertGreater(one.pop(name), 0)
        return report

    def one(self, *args, **more):
        return self.sim(*args, **more)["Schedulers"][0]

    def trace(self, *lines):
        return self.write("t.csv", HEAD + "".join(line + "\n" for line in lines))


class Runs(Folder):
    def test_every_scheduler_over_one_made_up_workload(self):
        args = [a for s in SCHEDULERS for a in ("-s", s)]
        report = self.sim(*args, "-c", "40x{cores:16,memory:64g,labels:zone=a|b}", "-n", "4000", "--seed", "7")
        self.assertGreaterEqual(len(SCHEDULERS), 5)
        self.assertEqual([s["Scheduler"] for s in report["Schedulers"]], SCHEDULERS)
        self.assertEqual(report["Cluster"], {"Nodes": 40, "Cores": 640, "Memory": 40 << 36, "Disk": 40 << 40})
        for s in report["Schedulers"]:
            with self.subTest(s["Scheduler"]):
                self.assertEqual((s["Tasks"], s["Placed"], s["Waiting"]), (4000, 4000, 0))
                self.assertIsNone(s["Fault"])
                for name in ("Cpu", "Memory"):
                    self.assertTrue(0 < s[name + "Mean"] <= s[name + "Peak"] <= 1, s)
                self.assertTrue(0 < s["LeastNodesMean"] <= s["NodesMean"] <= s["NodesPeak"] <= 40, s)
                self.assertTrue(s["LeastNodesPeak"] <= s["NodesPeak"], s)
                self.assertTrue(0 <= s["WaitP50"] <= s["WaitP95"] <= s["WaitP99"] <= s["WaitMax"], s)
        by_name = {s["Scheduler"]: s for s in report["Schedulers"]}
        self.assertLess(by_name["binpack.so"]["NodesMean"], by_name["epvm.so"]["NodesMean"])
        self.assertLess(by_name["epvm.so"]["Spread"], by_name["binpack.so"]["Spread"])
        self.assertLess(by_name["spread.so"]["JobUnevenMean"], by_name["binpack.so"]["JobUnevenMean"])

    def test_the_same_seed_gives_the_same_report(self):
        args = ["-s", "epvm.so", "-s", "roundrobin.so", "-n", "3000", "--arrivals", "bursty", "--seed"]
        first = self.sim(*args, "11")
        self.assertEqual(first, self.sim(*args, "11"))
        self.assertNotEqual(first, self.sim(*args, "12"))
        # and is not changed by who was tried before it
        alone = self.sim("-s", "roundrobin.so", *args[4:], "11")
        self.assertEqual(first["Schedulers"][1], alone["Schedulers"][0])

    def test_a_trace_placed_by_hand(self):
        """Two nodes of 2 cores; the third task waits until the first ends."""
        trace = self.trace("0,100,2,1g,0,,", "10,100,2,1g,0,,", "20.5,50,1,1g,0,,")
        one = self.one("-t", trace, "-c", "2x{cores:2,memory:4g}", "--until", "done")
        self.assertEqual((one["Tasks"], one["Placed"], one["Waiting"]), (3, 3, 0))
        self.assertEqual((one["WaitP50"], one["WaitMax"]), (0, 79.5))
        self.assertEqual(one["SimulatedSeconds"], 150)
        self.assertAlmostEqual(one["CpuMean"], (2 * 100 + 2 * 100 + 50) / (4 * 150), 6)
        self.assertEqual(one["CpuPeak"], 1)
        # 10 s one node, 100 s two, then one
        self.assertAlmostEqual(one["NodesMean"], (10 + 2 * 100 + 40) / 150, 6)

    def test_what_fits_nowhere_waits_at_the_end(self):
        trace = self.trace("0,,1,1g,0,,", "1,5,64,1g,0,,", "2,5,1,1g,0,,")
        one = self.one("-t", trace, "-c", "{cores:8,memory:4g}")
        self.assertEqual((one["Placed"], one["Waiting"], one["SimulatedSeconds"]), (2, 1, 2))
        one = self.one("-t", trace, "-c", "{cores:8,memory:4g}", "--until", "done")
        self.assertEqual((one["Waiting"], one["SimulatedSeconds"]), (1, 7))
        one = self.one("-t", trace, "-c", "{cores:8,memory:4g}", "--until", "61s")
        self.assertEqual((one["Waiting"], one["WaitMax"], one["SimulatedSeconds"]), (1, 60, 61))
        one = self.one("-t", trace, "-c", "{cores:8,memory:4g}", "--until", "500ms")
        self.assertEqual((one["Tasks"], one["Waiting"]), (1, 0))

    def test_priority_goes_first(self):
        trace = self.trace("0,100,1,1g,0,,", "1,10,1,1g,10,,", "2,10,1,1g,90,,")
        chart = os.path.join(self.dir, "c.csv")
        one = self.one("-t", trace, "-c", "{cores:1,memory:4g}", "--until", "done", "--chart", chart)
        # the urgent one waits 98 s, the other 109 s
        self.assertEqual((one["WaitMax"], one["SimulatedSeconds"]), (109, 120))
        with open(chart) as f:
            rows = list(csv.DictReader(f))
        self.assertEqual(max(int(r["waiting"]) for r in rows), 2)
        self.assertEqual([int(r["waiting"]) for r in rows][-1], 0)

    def test_constraints_and_jobs_act(self):
        cluster = "4x{cores:4,memory:4g,labels:zone=a|b}+2x{cores:4,memory:4g,arch:arm64}"
        trace = self.trace(*['0,,0.5,64m,0,web,"zone==b"'] * 4, '1,,1,64m,0,,"node.arch==arm64"',
                           '1,,1,64m,0,,"zone in (x,y);node.cores>2"')
        one = self.one("-s", "spread.so", "-t", trace, "-c", cluster)
        self.assertEqual((one["Placed"], one["Waiting"], one["NodesPeak"]), (5, 1, 3))
        self.assertEqual((one["Jobs"], one["JobUnevenMax"]), (1, 2))

    def test_made_up_jobs_may_want_a_label_of_any_name(self):
        for label in ("zone=a", "node.cores=b", "in=1", "node.labels.x=1", "example.io/a-b_c=x.y/z"):
            with self.subTest(label):
                one = self.one("-c", "{cores:16,memory:64g,labels:" + label + "}", "-n", "500", "--hours", "1")
                self.assertEqual((one["Placed"], one["Waiting"]), (500, 0))

    def test_a_scheduler_has_options_and_stands_twice(self):
        info = subprocess.run([program("cube"), "plugin", "info", "spread.so"], text=True, capture_output=True).stdout
        key = re.search(r"^\s+(\w+)=?.*label", info, re.M).group(1)
        labels = ["spread.so", f"spread.so,{key}=zone"]
        report = self.sim("-s", labels[0], "-s", labels[1], "-c", "10x{cores:16,memory:64g,labels:zone=a|b}",
                          "-n", "500", "--hours", "1")
        self.assertEqual([s["Scheduler"] for s in report["Schedulers"]], labels)

    def test_forms_of_the_report(self):
        args = ["-s", "epvm.so", "-s", "greedy.so", "-n", "500"]
        code, out, err = cube_sim(*args)
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out.startswith("100 nodes with 1600 cores and 6.2T of memory\ntasks made up from seed 1, over"))
        self.assertRegex(out, r"(?m)^ +epvm.so +greedy.so$")
        self.assertRegex(out, r"(?m)^placed +500 +500$")
        self.assertRegex(out, r"(?m)^cpu used mean +[0-9.]+ % +[0-9.]+ %$")
        code, out, err = cube_sim(*args, "-o", "csv")
        rows = list(csv.DictReader(io.StringIO(out)))
        self.assertEqual([r["scheduler"] for r in rows], ["epvm.so", "greedy.so"])
        same = self.sim(*args)["Schedulers"]
        for row, one in zip(rows, same):
            self.assertEqual(float(row["cpu_mean"]), one["CpuMean"])
            self.assertEqual(int(row["placed"]), one["Placed"])
            self.assertEqual(len(row), len(one) - 1 + len(TIMES))  # CSV has no fault

    def test_a_trace_from_standard_input_serves_every_scheduler(self):
        text = HEAD + "".join(f"{i},10,1,1g,0,,\n" for i in range(200))
        report = self.sim("-s", "epvm.so", "-s", "binpack.so", "-t", "-", input=text)
        self.assertEqual([s["Placed"] for s in report["Schedulers"]], [200, 200])

    def test_a_scheduler_that_fails_is_named(self):
        fake = os.path.join(BUILD, "tests", "fake", "hostile_plugin.so")
        if not os.path.exists(fake):
            self.skipTest("the fakes are not built")
        for mode in MODES:
            with self.subTest(mode):
                code, out, err = cube_sim("-s", f"{fake},mode={mode}", "-n", "50", "-o", "json",
                                          "-c", "10x{cores:16,memory:64g}")
                one = json.loads(out)["Schedulers"][0]
                self.assertEqual((code, one["Placed"], one["Waiting"]), (1, 0, 50))
                self.assertIn("hostile", one["Fault"])
                self.assertEqual(err, f"cube sim: {fake},mode={mode}: {one['Fault']}\n")


class Figures(unittest.TestCase):
    def test_a_million_tasks_on_ten_thousand_nodes_in_a_minute_and_a_gigabyte(self):
        """The long form; the usual one is a tenth of it."""
        tasks = amount("CUBE_TEST_TASKS", 100_000, 1_000_000)
        for scheduler in ("epvm.so", "binpack.so"):
            with self.subTest(scheduler):
                p = subprocess.Popen([program("cube"), "sim", "-s", scheduler, "-n", str(tasks), "-o", "json",
                                      "-c", f"{tasks // 100}x{{cores:16,memory:64g}}"], stdout=subprocess.PIPE)
                out = p.stdout.read()
                p.stdout.close()
                _, status, usage = os.wait4(p.pid, 0)
                p.returncode = os.waitstatus_to_exitcode(status)
                self.assertEqual((p.returncode, json.loads(out)["Schedulers"][0]["Placed"]), (0, tasks))
                self.assertLess(usage.ru_utime + usage.ru_stime, tasks * 60e-6 * SLOW)
                self.assertLess(usage.ru_maxrss, 1 << 20)  # KiB


class Errors(Folder):
    def test_mistakes_are_one_line_and_exit_2(self):
        bad = self.trace("0,1,1,1g,0,,", "1,1,one,1g,0,,")
        label = self.write("l.csv", HEAD + '0,1,1,1g,0,,"zone~b"\n')
        late = self.write("late.csv", HEAD + "100,1,1,1g,0,,\n")
        empty = self.write("empty.csv", HEAD)
        for args, text in [
                (["x"], "unexpected argument x: see cube sim --help\n"),
                (["-t", bad], f"{bad}, line 3, column 5: cpu: wants cores from 0 to 4096, such as 0.5, not 'one'\n"),
                (["-t", label], f"{label}, line 2, column 13: constraints: constraint 1: \"zone~b\", character "),
                (["-t", "/nonexistent"], "--trace /nonexistent: No such file or directory\n"),
                (["-t", self.dir], f"--trace {self.dir}: wants a file, or - for standard input\n"),
                (["-t", bad, "-n", "5"], "--tasks is for a made-up workload: it does not go with --trace\n"),
                (["-t", bad, "--hours", "5"],
                 "--hours is for a made-up workload: it does not go with --trace (see --until)\n"),
                (["-t", empty], f"{empty} has no task that arrives in that time\n"),
                (["-t", late, "--until", "10s"], f"{late} has no task that arrives in that time\n"),
                (["-n", "5", "--hours", "1", "--load", "50"],
                 "two of --tasks, --hours and --load say what the third is: leave one out\n"),
                (["--hours", "0"], "--hours wants hours such as 24 or 0.5, not '0'\n"),
                (["--load", "80%"], "--load wants a percentage from 0.1 to 1000, not '80%'\n"),
                (["--arrivals", "daily"], "--arrivals wants poisson or bursty, not 'daily'\n"),
                (["--until", "soon"], "--until wants placed, done, or a time such as 90m or 24h, not 'soon'\n"),
                (["-o", "xml"], "--output wants table, json or csv, not 'xml'\n"),
                (["--chart", "x.gif"], "--chart wants a file that ends in .svg, .png or .csv, not 'x.gif'\n"),
                (["--chart", "/nonexistent/x.svg"], "--chart /nonexistent/x.svg: No such file or directory\n"),
                (["-c", "5x{cores:4}"],
                 "--cluster, column 1: a group says its cores and its memory: memory is missing\n"),
                (["-c", "/nonexistent"], "--cluster /nonexistent: No such file or directory: wants groups such as "
                                         "10x{cores:16,memory:64g}, or a file with them\n"),
                (["-s", ",a=b"], "--scheduler wants FILE.so[,KEY=VALUE...] such as epvm.so, not ',a=b'\n"),
                (["-s", "sqlite.so"], BUILD + "/plugins/store/sqlite.so is a store; --scheduler wants a scheduler\n"),
                (["-s", "epvm.so,nonsense=1"], "--scheduler nonsense=1: epvm ")]:
            with self.subTest(args=args):
                code, out, err = cube_sim(*args)
                self.assertEqual((code, out), (2, ""), err)
                self.assertTrue(err.startswith("cube sim: " + text), err)
                self.assertEqual(err.count("\n"), 1)

    def test_a_scheduler_that_is_not_there_is_said(self):
        code, out, err = cube_sim("-s", "nosuch.so")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("nosuch.so", err)

    def test_no_chart_is_left_of_a_failed_run(self):
        chart = os.path.join(self.dir, "c.svg")
        code, _, err = cube_sim("-t", self.trace("0,1,x,1g,0,,"), "--chart", chart)
        self.assertEqual(code, 2, err)
        self.assertEqual(sorted(os.listdir(self.dir)), ["t.csv"])

    def test_without_gnuplot_it_is_said_how_to_get_it_before_the_run(self):
        chart = os.path.join(self.dir, "c.svg")
        code, out, err = cube_sim("--chart", chart, "-n", "100", env={"PATH": self.dir})
        self.assertEqual((code, out), (1, ""))
        self.assertIn("apt-get install gnuplot-nox", err)
        # the figures need none
        chart = os.path.join(self.dir, "c.csv")
        code, _, err = cube_sim("--chart", chart, "-n", "100", env={"PATH": self.dir})
        self.assertEqual((code, err), (0, ""))


class Charts(Folder):
    def draw(self, name, *args):
        chart = os.path.join(self.dir, name)
        code, _, err = cube_sim("-s", "epvm.so", "-s", "binpack.so", "-n", "2000", "--chart", chart, *args)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(os.listdir(self.dir), [name])
        with open(chart, "rb") as f:
            return f.read()

    @unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed")
    def test_svg_and_png_are_drawn(self):
        svg = self.draw("a b'c.svg").decode()
        self.assertIn("<svg", svg)
        for text in ("epvm.so", "binpack.so", "cpu used", "memory used", "nodes in use", "tasks that wait"):
            self.assertIn(text, svg)
        os.unlink(os.path.join(self.dir, "a b'c.svg"))
        self.assertTrue(self.draw("x.png").startswith(b"\x89PNG\r\n"))

    def test_figures_over_time(self):
        rows = list(csv.DictReader(io.StringIO(self.draw("x.csv").decode())))
        self.assertEqual({r["scheduler"] for r in rows}, {"epvm.so", "binpack.so"})
        last = {}
        for row in rows:
            self.assertGreater(float(row["seconds"]), last.get(row["scheduler"], -1))
            last[row["scheduler"]] = float(row["seconds"])
            self.assertTrue(0 <= float(row["cpu"]) <= 1 and 0 <= float(row["memory"]) <= 1)
            self.assertLessEqual(int(row["least_nodes"]), int(row["nodes"]))
        self.assertGreater(len(rows), 200)


class Converter(Folder):
    """Small files in the formats of the public traces, through contrib/trace/convert."""

    def convert(self, what, *files, options=(), **more):
        p = subprocess.run([sys.executable, CONVERT, what, *options, *files], text=True, capture_output=True,
                           timeout=60 * SLOW, **more)
        return p.returncode, p.stdout, p.stderr

    def check(self, what, file, tasks, rows, options=()):
        code, out, err = self.convert(what, os.path.join(TRACES, file), options=options)
        self.assertEqual(code, 0, err)
        table = list(csv.DictReader(io.StringIO(out)))
        self.assertEqual([(r["arrival"], r["duration"], r["cpu"], r["job"]) for r in table], rows)
        one = self.one("-t", "-", "-c", "4x{cores:64,memory:256g}", "--until", "done", input=out)
        self.assertEqual((one["Tasks"], one["Placed"]), (tasks, tasks))
        return table

    def test_google_2011(self):
        """A task evicted and placed again is two; one killed before it ran is none."""
        self.check("google2011", "google2011.csv", 4, [
            ("0", "", "8", "4000000001"), ("600", "98", "2", "4000000002"), ("600", "300", "2", "4000000002"),
            ("700", "250", "2", "4000000002")])

    def test_google_2019_json_and_csv(self):
        self.check("google2019", "google2019.json", 2,
                   [("0", "", "3.2", "330000000001"), ("5", "60", "0.64", "330000000002")])
        self.check("google2019", "google2019.csv", 1, [("2", "10", "8", "330000000011")])

    def test_google_2019_constraints_are_ours(self):
        code, out, err = self.convert("google2019", os.path.join(TRACES, "google2019.json"), options=["--constraints"])
        self.assertEqual(code, 0, err)
        self.assertEqual(list(csv.DictReader(io.StringIO(out)))[1]["constraints"],
                         'kH5ab_=="Zq1";gen>=3;exists ssd')
        cluster = "{cores:64,memory:256g,labels:kH5ab_=Zq1;gen=3;ssd=1}"
        self.assertEqual(self.one("-t", "-", "-c", cluster, input=out)["Waiting"], 0)
        self.assertEqual(self.one("-t", "-", "-c", cluster.replace("gen=3", "gen=2"), input=out)["Waiting"], 1)

    def test_azure_2017_and_2019(self):
        self.check("azure", "azure2017.csv", 3, [
            ("0", "2591700", "2", "dep-1"), ("300", "1200", "2", "dep-1"), ("300", "600", "1", "dep-2")])
        table = self.check("azure", "azure2019.csv", 2, [("0", "600", "32", "dep-9"), ("600", "3600", "4", "dep-9")])
        self.assertEqual(table[0]["memory"], str(128 << 30))

    def test_alibaba_2018(self):
        self.check("alibaba-batch", "alibaba_batch.csv", 6, [
            *[("86400", "60", "1", "j_11")] * 3, *[("86410", "", "1", "j_12")] * 2, ("86460", "15", "0.5", "j_11")])
        self.check("alibaba-containers", "alibaba_containers.csv", 3, [
            ("0", "3600", "4", "app_1"), ("0", "", "4", "app_1"), ("120", "", "8", "app_2")])

    def test_compressed_files_and_several(self):
        path = os.path.join(self.dir, "a.csv.gz")
        with open(os.path.join(TRACES, "azure2017.csv"), "rb") as f, gzip.open(path, "wb") as out:
            out.write(f.read())
        code, out, err = self.convert("azure", path, os.path.join(TRACES, "azure2019.csv"))
        self.assertEqual((code, err), (0, ""))
        arrivals = [float(r["arrival"]) for r in csv.DictReader(io.StringIO(out))]
        self.assertEqual(arrivals, sorted(arrivals))
        self.assertEqual(len(arrivals), 5)

    def test_rows_are_sorted_in_pieces_and_merged(self):
        loader = importlib.machinery.SourceFileLoader("convert", CONVERT)
        convert = importlib.util.module_from_spec(importlib.util.spec_from_loader("convert", loader))
        with unittest.mock.patch.object(sys, "dont_write_bytecode", True):
            loader.exec_module(convert)
        convert.CHUNK_ROWS = 3
        arrivals = [9, 1, 10, 8, 0.5, 7, 2, 100, 3, 3]
        rows = [convert.row(a, a + 5, 1, 1024, job=f'"{a}",') for a in arrivals]
        self.assertEqual([(float(r[0]), r[6]) for r in convert.in_order(iter(rows + [None]), self.dir)],
                         [(a, f'"{a}",') for a in sorted(arrivals)])
        self.assertEqual(len(os.listdir(self.dir)), 4)

    def test_a_line_of_another_format_is_named(self):
        azure = os.path.join(TRACES, "azure2017.csv")
        for what, file, text in [("google2011", azure, f"convert: {azure}, line 1: wants 12 fields, and has 11\n"),
                                 ("google2019", azure, f"convert: {azure}, line 2: wants time, type and collection_id\n"),
                                 ("azure", "/nonexistent", "convert: /nonexistent, line 0: [Errno 2]")]:
            with self.subTest(what):
                code, out, err = self.convert(what, file)
                self.assertEqual(code, 1)
                self.assertTrue(err.startswith(text), err)
                self.assertEqual(out, "")


class Terminal(Folder):
    def on_terminal(self, *args, out=subprocess.DEVNULL):
        """What comes on standard error where that is a terminal."""
        master, slave = pty.openpty()
        p = subprocess.Popen([program("cube"), "sim", *args], stdout=out, stderr=slave)
        os.close(slave)
        text = b""
        try:
            while part := os.read(master, 65536):
                text += part
        except OSError:  # the other end is closed
            pass
        os.close(master)
        self.assertEqual(p.wait(300 * SLOW), 0, text)
        return text.decode()

    def test_a_bar_is_drawn_on_a_terminal_alone(self):
        args = ["-n", "300000", "-c", "1000x{cores:16,memory:64g}"]
        text = self.on_terminal(*args)
        self.assertRegex(text, r"epvm\.so \[#*\.*\] +[0-9]+ %  [0-9]+ tasks, [0-9]+ wait, [0-9]+ s")
        self.assertTrue(text.endswith("\r\x1b[K"), repr(text[-40:]))
        self.assertEqual(self.on_terminal(*args, "-o", "json"), "")
        self.assertEqual(cube_sim(*args)[2], "")


if __name__ == "__main__":
    unittest.main()
