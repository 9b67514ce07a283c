"""The command line against a real manager, and against servers that are none: what it prints
where, its exit codes, its errors word by word; the completion in a real bash; the man pages."""

import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import BUILD, COMPLETED, FAILED, RUNNING, Cluster, event, free_port, program, wait_for

NOBODY = "start cube-manager, or name another with -m or $CUBE_MANAGER\n"
COMMANDS = ["run", "stop", "status", "logs", "why", "events", "node", "plugin", "sim", "version"]


def is_id(text):
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def cube(*args, manager=None, **more):
    """Runs the command line without a cluster; (exit code, stdout, stderr)."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("CUBE_MANAGER")}
    if manager:
        env["CUBE_MANAGER"] = manager
    p = subprocess.run([program("cube"), *args], text=True, capture_output=True, timeout=60, env=env, **more)
    return p.returncode, p.stdout, p.stderr


class Usage(unittest.TestCase):
    """What needs no manager."""

    def test_mistakes_of_usage_are_one_line_and_exit_2(self):
        listed = "there are: " + " ".join(COMMANDS) + "\n"
        for args, text in [
                ("frob", "cube: 'frob' is not a command; " + listed),
                ("help frob", "cube: 'frob' is not a command; " + listed),
                ("-m x status", "cube: -m: options come after the command; " + listed),
                ("run", "cube run: what shall run? give an IMAGE, or -f FILE (see cube run --help)\n"),
                ("run -f x y", "cube run: give an IMAGE or -f FILE, not both\n"),
                ("run --new x", "cube run: --new goes with -f\n"),
                ("run -f x --name y", "cube run: --name does not go with -f: the file says it\n"),
                ("run -f x -e A=b", "cube run: --env does not go with -f: the file says it\n"),
                ("run -f /nonexistent/x", "cube run: -f /nonexistent/x: No such file or directory\n"),
                ("run --wait=soon x", "cube run: --wait wants running or done, not 'soon'\n"),
                ("run --wait=running --logs x",
                 "cube run: --logs waits for the end: it does not go with --wait=running\n"),
                ("run --timeout 3 x", "cube run: --timeout goes with --wait or --logs\n"),
                ("run --wait --timeout soon x",
                 "cube run: --timeout soon: must be a time such as 30, 30s, 500ms, 5m or 1h, "
                 "from 0.001s to 31622400s\n"),
                ("run --dry-run=soon x", "cube run: --dry-run wants why or print, not 'soon'\n"),
                ("run -o json x", "cube run: --output goes with --dry-run=why\n"),
                ("run --dry-run=print -o json x", "cube run: --output goes with --dry-run=why\n"),
                ("run --dry-run -o xml x", "cube run: --output wants table, json or name, not 'xml'\n"),
                ("why", "cube why: give one task, by its name or id (see cube status)\n"),
                ("why a b", "cube why: give one task, by its name or id (see cube status)\n"),
                ("run --dry-run --wait x", "cube run: --dry-run submits nothing that could be waited for\n"),
                ("run --memory x y", "cube run: --memory wants a size such as 64m or 1.5g, not 'x'\n"),
                ("run --wait --memory x y", "cube run: --memory wants a size such as 64m or 1.5g, not 'x'\n"),
                ("run --frob x", "cube run: unknown option --frob: see cube run --help\n"),
                ("run -p", "cube run: -p needs a value: [HOST:]PORT\n"),
                ("stop", "cube stop: which task? give its name or id (see cube status)\n"),
                ("status a b", "cube status: give one task, or none for all\n"),
                ("status -o xml", "cube status: --output wants table, json or name, not 'xml'\n"),
                ("ps -o xml", "cube status: --output wants table, json or name, not 'xml'\n"),
                ("logs", "cube logs: give one task, by its name or id\n"),
                ("logs --tail x y", "cube logs: --tail x: must be a number from 0 to 1000000\n"),
                ("logs --stream x y", "cube logs: --stream wants stdout or stderr, not 'x'\n"),
                ("logs --since x y", "cube logs: --since wants an RFC 3339 time or Unix seconds, not 'x'\n"),
                ("node a b", "cube node: wants nothing, a node's NAME, or one of cordon, uncordon, drain and rm before it; not 'a b'\n"),
                ("plugin", "cube plugin: wants info or check, and one plugin: cube plugin info epvm.so\n"),
                ("plugin check", "cube plugin: wants info or check, and one plugin: cube plugin info epvm.so\n"),
                ("plugin info x y", "cube plugin: wants info or check, and one plugin: cube plugin info epvm.so\n"),
                ("plugin info x --run y", "cube plugin: --run goes with cube plugin check\n"),
                ("plugin check x y", "cube plugin: 'y': arguments are those of the task of --run\n"),
                ("plugin check x -o name", "cube plugin: -o wants table or json, not 'name'\n"),
                ("plugin check x --timeout 0", "cube plugin: --timeout 0: must be a time such as 30, 30s, 500ms, 5m or 1h, "
                 "from 0.1s to 600s\n"),
                ("plugin check roundrobin --opt a=b",
                 'cube plugin: --opt a=b: roundrobin has no option "a"; it takes none\n'),
                ("version x", "cube version: unexpected argument x: see cube version --help\n"),
                ("status -m http://h/path",
                 "cube status: --manager wants HOST:PORT or http://HOST:PORT, not 'http://h/path'\n"),
                ("status -m https://h", "cube status: --manager wants HOST:PORT or http://HOST:PORT, not 'https://h'\n"),
                ("status -m :80", "cube status: --manager wants HOST:PORT or http://HOST:PORT, not ':80'\n")]:
            with self.subTest(args=args):
                self.assertEqual(cube(*args.split()), (2, "", text))

    def test_help_is_output_and_says_every_option(self):
        code, out, err = cube("--help")
        self.assertEqual((code, err), (0, ""))
        for command in COMMANDS:
            self.assertIn(f"\n  {command} ", out)
            code, own, err = cube(command, "--help")
            self.assertEqual((code, err), (0, ""))
            self.assertEqual(cube("help", command), (0, own, ""))
            self.assertLessEqual(max(map(len, own.splitlines())), 80, own)
            self.assertIn("Usage: cube " + command, own)
        code, out, err = cube()
        self.assertEqual((code, out), (2, ""))
        self.assertIn("usage: cube COMMAND", err)

    def test_help_of_the_image_is_the_image_s(self):
        code, out, err = cube("run", "--dry-run=print", "image", "--help", "-p", "1")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(json.loads(out)["Task"]["Cmd"], ["--help", "-p", "1"])

    def test_no_manager_is_said_with_where_and_what_to_do(self):
        address = f"127.0.0.1:{free_port()}"
        text = f"no manager answers at http://{address}; {NOBODY}"
        for args in [("status",), ("status", "x"), ("stop", "x"), ("logs", "x"), ("node",), ("run", "x")]:
            with self.subTest(args=args):
                self.assertEqual(cube(args[0], "-m", address, *args[1:]), (1, "", f"cube {args[0]}: {text}"))
        self.assertEqual(cube("run", "--wait", "x", manager=address), (125, "", "cube run: " + text))
        self.assertEqual(cube("run", "--logs", "x", manager=address), (125, "", "cube run: " + text))
        code, out, err = cube("version", manager=address)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(out.splitlines()[1] + "\n", text)

    def test_an_unknown_host_is_said(self):
        code, out, err = cube("status", "-m", "no-such-host.invalid")
        self.assertEqual((code, out), (1, ""))
        self.assertEqual(err, "cube status: no manager answers at http://no-such-host.invalid:5555: "
                              "the host is not known; " + NOBODY)

    def test_a_bad_file_is_125_where_the_task_s_code_is_awaited(self):
        self.assertEqual(cube("run", "--wait", "-f", "/nonexistent"),
                         (125, "", "cube run: -f /nonexistent: No such file or directory\n"))

    def test_version_and_plugin_info_need_no_manager(self):
        code, out, err = cube("--version")
        self.assertEqual((code, out.split()[0], err), (0, "cube", ""))
        code, out, err = cube("plugin", "info", "roundrobin.so")
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"(?m)^name +roundrobin\nkind +scheduler\nversion ")
        self.assertRegex(out, r"(?m)^options +none$")
        code, out, _ = cube("plugin", "info", "docker")
        self.assertRegex(out, r"(?m)^  pull=missing +\S")

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "w") as full:
            p = subprocess.run([program("cube"), "run", "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual((p.returncode, p.stderr), (1, "cube run: standard output cannot be written\n"))


class Cli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.cluster.start_manager()
        cls.cluster.start_worker("n1")
        cls.cluster.wait_ready("n1")
        cls.manager = cls.cluster.manager

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__()

    def cube(self, *args, **more):
        return self.cluster.cube(*args, **more)

    def run_id(self, *args):
        code, out, err = self.cube("run", *args)
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(is_id(out.rstrip("\n")), out)
        return out.rstrip("\n")

    def write(self, text):
        path = self.cluster.path("task.json")
        with open(path, "w") as f:
            f.write(text if isinstance(text, str) else json.dumps(text))
        return path

    # ---- run

    def test_run_prints_the_id_alone(self):
        task_id = self.run_id("--name", "alone", "--memory", "16m", "--cpus", "0.1", "-e", "A=b", "/bin/true")
        task = self.cluster.wait_final(task_id)
        self.assertEqual((task["State"], task["Name"], task["Memory"], task["Cpu"], task["Env"]),
                         (COMPLETED, "alone", 16 << 20, 0.1, ["A=b"]))

    def test_wait_exits_with_the_task_s_code(self):
        for script, want, said in [("true", 0, ""), ("exit 3", 3, "exit code 3"), ("kill -9 $$", 137, "")]:
            with self.subTest(script=script):
                code, out, err = self.cube("run", "--wait", "--restart", "no", "/bin/sh", "-c", script)
                self.assertEqual(code, want)
                self.assertTrue(is_id(out.rstrip("\n")), out)
                self.assertEqual(err.count("\n"), 0 if want == 0 else 1)
                self.assertIn(said, err)
                if want:
                    self.assertTrue(err.startswith(f"cube run: task {out[:8]}: "), err)

    def test_wait_for_a_task_that_never_ran_is_125_with_the_reason(self):
        code, out, err = self.cube("run", "--wait", "--restart", "no", "/no/such/program")
        self.assertEqual(code, 125)
        self.assertRegex(err, r"^cube run: task [0-9a-f]{8}: .*/no/such/program.*\n$")

    def test_wait_running_ends_when_it_runs(self):
        code, out, err = self.cube("run", "--wait=running", "/bin/sleep", "1000")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(self.cluster.task(out.strip())["State"], RUNNING)
        self.assertEqual(self.cube("stop", out.strip())[0], 0)

    def test_timeout_is_124_and_leaves_the_task(self):
        begin = time.monotonic()
        code, out, err = self.cube("run", "--wait", "--timeout", "500ms", "/bin/sleep", "1000")
        self.assertLess(time.monotonic() - begin, 10)
        task_id = out.strip()
        self.assertEqual((code, err), (124, f"cube run: timed out waiting for task {task_id}\n"))
        self.cluster.wait_state(task_id, RUNNING)
        self.assertEqual(self.cube("stop", task_id)[:2], (0, task_id + "\n"))
        code, out, err = self.cube("run", "--logs", "--timeout", "1", "/bin/sh", "-c", "echo begun; sleep 1000")
        self.assertEqual(code, 124)
        self.assertEqual(out.split("\n")[1:], ["begun", ""])
        self.assertIn("timed out", err)
        self.cube("stop", out.split("\n")[0])

    def test_logs_come_once_and_whole_and_the_code_is_the_task_s(self):
        script = "for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done; echo last >&2; exit 7"
        code, out, err = self.cube("run", "--logs", "--restart", "no", "/bin/sh", "-c", script)
        self.assertEqual(code, 7)
        self.assertEqual(out.split("\n")[1:], [f"line {i}" for i in range(1, 6)] + ["last", ""])

    def test_what_the_manager_refuses_is_its_words_and_exit_1(self):
        code, out, err = self.cube("run", "--name", "a b", "/bin/true")
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, r"^cube run: .*Name.*\n$")
        self.assertNotIn("line 1", err)  # of a text that nobody has seen
        self.assertEqual(self.cube("run", "--wait", "--name", "a b", "/bin/true")[0], 125)

    def test_what_a_dry_run_prints_can_be_run(self):
        before = len(self.manager.get("/tasks"))
        code, out, err = self.cube("run", "--dry-run=print", "--name", "dry", "/bin/sh", "-c", "exit 0")
        self.assertEqual((code, err, len(self.manager.get("/tasks"))), (0, "", before))
        task_id = json.loads(out)["Task"]["ID"]
        self.assertEqual(self.cube("run", "-f", "-", "--wait", input=out), (0, task_id + "\n", ""))

    # ---- run -f

    def test_the_book_s_file_runs_once_and_again_with_new(self):
        # As the book's repository has it, but for the image.
        path = self.write("""{
    "ID": "6be4cb6b-61d1-40cb-bc7b-9cacefefa60c",
    "State": 2,
    "Task": {
        "State": 1,
        "ID": "21b23589-5d2d-4731-b5c9-a97e9832d021",
        "Name": "test-chapter-9.1",
        "Image": "/bin/true",
        "ExposedPorts": {"7777/tcp": {}},
        "PortBindings": {"7777/tcp": "7777"},
        "HealthCheck": "/health"
    }
}""")
        task_id = "21b23589-5d2d-4731-b5c9-a97e9832d021"
        self.assertEqual(self.cube("run", "-f", path, "--wait"), (0, task_id + "\n", ""))
        code, out, err = self.cube("run", "-f", path)
        self.assertEqual((code, out, err), (0, task_id + "\n", f"cube run: task {task_id} is there already and is "
                                            "completed; --new runs it under a new id\n"))
        code, out, err = self.cube("run", "-f", path, "--new")
        self.assertEqual((code, err), (0, ""))
        self.assertNotEqual(out.strip(), task_id)
        self.assertEqual(self.cluster.wait_final(out.strip())["State"], COMPLETED)

    def test_another_specification_under_a_known_id_is_refused(self):
        task_id = self.run_id("/bin/true")
        code, out, err = self.cube("run", "-f", self.write({"ID": task_id, "Image": "/bin/false"}))
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err.splitlines()[-1], f"^cube run: .*{task_id}.*another specification")

    def test_arrays_bare_tasks_and_standard_input(self):
        known = str(uuid.uuid4())
        tasks = [{"Image": "/bin/true"}, event("/bin/true", ID=known), {"Image": "/bin/sh", "Cmd": ["-c", "exit 4"],
                                                                       "RestartPolicy": "no"}]
        code, out, err = self.cube("run", "-f", "-", "--wait", input=json.dumps(tasks))
        ids = out.split()
        self.assertEqual((code, len(ids), ids[1]), (4, 3, known))
        self.assertEqual([self.cluster.task(i)["State"] for i in ids], [COMPLETED, COMPLETED, FAILED])

    def test_a_long_file_again_is_told_in_short(self):
        path = self.write([event("/bin/true") for _ in range(70)])
        code, out, err = self.cube("run", "-f", path, "--wait")
        self.assertEqual((code, len(out.split()), err), (0, 70, ""))
        code, again, err = self.cube("run", "-f", path)
        self.assertEqual((code, again), (0, out))
        self.assertEqual(len(re.findall("is there already and is completed", err)), 64)
        self.assertEqual(err.splitlines()[-1], "cube run: 6 more of these tasks are there already")

    def test_an_error_in_a_file_of_events_has_the_file_s_line(self):
        text = json.dumps(event("/bin/true", Colour="red"), indent=1)
        line = text[:text.index('"Colour"')].count("\n") + 1
        code, out, err = self.cube("run", "-f", self.write(text))
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, rf"^cube run: .*Colour.*line {line}, .*\n$")
        code, out, err = self.cube("run", "-f", self.write('{\n"Image": "/bin/true",\n"Colour": "red"}'))
        self.assertEqual((code, out), (1, ""))
        self.assertIn("Colour", err)
        self.assertNotIn("line 1", err)
        code, out, err = self.cube("run", "-f", self.write('{\n"Image": }'))
        self.assertEqual((code, out), (2, ""))
        self.assertIn("task.json: line 2, column ", err)

    def test_a_file_that_would_stop_a_task_is_not_run(self):
        stop = event("/bin/true")
        stop["State"] = 3
        code, out, err = self.cube("run", "-f", self.write(stop))
        self.assertEqual((code, out), (2, ""))
        self.assertIn("3 asks for a stop, which is `cube stop`'s work", err)

    # ---- names

    def test_names_prefixes_and_uuids_find_a_task(self):
        task_id = self.run_id("--name", "found", "/bin/sleep", "1000")
        for text in ["found", task_id, task_id[:13], task_id.upper(), task_id[:13].upper()]:
            self.assertEqual(self.cube("status", text, "-o", "name"), (0, task_id + "\n", ""), text)
        self.assertEqual(self.cube("stop", "found"), (0, task_id + "\n", ""))
        self.assertEqual(self.cube("status", "found", "-o", "name")[1], task_id + "\n")  # the only one still

    def test_a_name_that_fits_several_lists_them(self):
        first = self.run_id("--name", "twin", "/bin/sleep", "1000")
        self.assertEqual(self.cube("stop", "twin")[0], 0)
        second = self.run_id("--name", "twin", "--wait=running", "/bin/sleep", "1000")
        self.assertEqual(self.cube("status", "twin", "-o", "name")[1], second + "\n")  # the live one
        third = self.run_id("--name", "twin", "--wait=running", "/bin/sleep", "1000")
        code, out, err = self.cube("stop", "twin")
        self.assertEqual((code, out), (1, ""))
        self.assertEqual(err, f"cube stop: 'twin' fits 3 tasks: {first[:13]} (completed), {second[:13]} (running), "
                              f"{third[:13]} (running); say which by its id\n")
        self.assertEqual(self.cube("stop", second, third), (0, f"{second}\n{third}\n", ""))

    def test_what_fits_no_task_is_said(self):
        for text in ["nosuch", "0123456789", "a b", str(uuid.uuid4())]:
            with self.subTest(text=text):
                code, out, err = self.cube("status", text)
                self.assertEqual((code, out), (1, ""))
                self.assertEqual(err.count("\n"), 1)
                if len(text) < 36:
                    self.assertEqual(err, f"cube status: no task is called '{text}', and no id begins so; "
                                          "`cube status -a` lists all\n")
                else:
                    self.assertEqual(err, f"cube status: there is no task {text}\n")

    # ---- stop

    def test_stop_of_several_goes_on_over_one_that_is_not_there(self):
        ids = [self.run_id("--wait=running", "/bin/sleep", "1000") for _ in range(2)]
        code, out, err = self.cube("stop", ids[0], "nosuch", ids[1])
        self.assertEqual((code, out.split()), (1, ids))
        self.assertEqual(err, "cube stop: no task is called 'nosuch', and no id begins so; "
                              "`cube status -a` lists all\n")
        self.assertEqual([self.cluster.task(i)["State"] for i in ids], [COMPLETED, COMPLETED])
        self.assertEqual(self.cube("stop", ids[0]), (0, ids[0] + "\n", ""))  # again: no error

    def test_graces_run_side_by_side_and_stop_can_give_up_waiting(self):
        stubborn = ("--stop-timeout", "2", "--wait=running", "/bin/sh", "-c",
                    "trap '' TERM; while :; do sleep 0.1; done")
        ids = [self.run_id(*stubborn) for _ in range(3)]
        time.sleep(0.3)  # until their traps are set
        code, out, err = self.cube("stop", "--timeout", "300ms", ids[0])
        self.assertEqual((code, out), (1, ""))
        self.assertEqual(err, f"cube stop: task {ids[0]} has not stopped after 0.3 s; it will, see "
                              f"`cube status {ids[0][:8]}`\n")
        begin = time.monotonic()
        self.assertEqual(self.cube("stop", *ids)[:2], (0, "".join(i + "\n" for i in ids)))
        self.assertLess(time.monotonic() - begin, 5.5)  # one after another: 6
        task_id = self.run_id("--wait=running", "/bin/sleep", "1000")
        self.assertEqual(self.cube("stop", "--no-wait", task_id), (0, task_id + "\n", ""))
        self.cluster.wait_final(task_id)

    # ---- status

    def test_status_shows_live_tasks_and_with_a_all(self):
        live = self.run_id("--name", "live", "--wait=running", "/bin/sleep", "1000")
        ended = self.run_id("--name", "ended", "--wait", "/bin/true")
        code, out, err = self.cube("status")
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^ID +NAME +STATE +NODE +AGE +PORTS +IMAGE +REASON\n")
        self.assertRegex(out, rf"(?m)^{live[:8]}  live +Running +n1 +\d+s +/bin/sleep$")
        self.assertNotIn(ended[:8], out)
        code, out, err = self.cube("ps", "-a")
        self.assertRegex(out, rf"(?m)^{ended[:8]}  ended +Completed ")
        self.assertIn(live, self.cube("status", "-o", "name")[1].split())
        self.assertIn(ended, self.cube("status", "-a", "-o", "name")[1].split())
        self.assertNotIn(ended, self.cube("status", "-o", "name")[1].split())
        self.assertEqual(self.cube("status", "--node", "n2", "-a", "-o", "json"), (0, "[]\n", ""))
        code, out, err = self.cube("status", "--job", "none")
        self.assertEqual(err, "no task is live; `cube status -a` also shows those that have ended\n")
        self.assertEqual(out.count("\n"), 1)
        self.cube("stop", live)

    def test_json_is_the_manager_s(self):
        task_id = self.run_id("--wait", "--job", "json-job", "/bin/true")
        code, out, err = self.cube("status", "--job", "json-job", "-a", "-o", "json")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(json.loads(out), [self.cluster.task(task_id)])
        code, out, err = self.cube("status", task_id, "-o", "json")
        self.assertEqual(json.loads(out), self.cluster.task(task_id))
        self.assertEqual(json.loads(self.cube("node", "n1", "-o", "json")[1])["Name"], "n1")
        self.assertEqual([n["Name"] for n in json.loads(self.cube("node", "-o", "json")[1])], ["n1"])

    def test_a_list_of_more_than_a_page_is_whole(self):
        status, _, tasks = self.manager.request("POST", "/tasks", [
            event("/bin/true", Memory=1 << 50, Job="pages") for _ in range(1200)])
        self.assertEqual(status, 201)
        names = self.cube("status", "--job", "pages", "-o", "name")[1].split()
        self.assertEqual(names, [t["ID"] for t in tasks])
        self.assertEqual(len(json.loads(self.cube("status", "--job", "pages", "-o", "json")[1])), 1200)
        self.assertEqual(self.cube("stop", "--no-wait", *names[:100])[0], 0)
        for t in tasks[100:]:
            self.manager.request("DELETE", "/tasks/" + t["ID"])

    def test_one_task_is_shown_with_its_history(self):
        go = self.cluster.path("go")
        task_id = self.run_id("--name", "detail", "--restart", "no", "--memory", "16m", "/bin/sh", "-c",
                              f"until [ -e {go} ]; do sleep 0.05; done; exit 3")
        self.cluster.wait_state(task_id, RUNNING)  # one that ends at once may never be seen to run
        open(go, "w").close()
        self.cluster.wait_final(task_id)
        code, out, err = self.cube("status", task_id[:13])
        self.assertEqual((code, err), (0, ""))
        for line in [rf"ID: +{task_id}", r"Name: +detail", r"State: +Failed", r"Exit code: +3", r"Node: +n1",
                     r"Memory: +16M", r"TIME +STATE +ATTEMPT +NODE +BY +REASON"]:
            self.assertRegex(out, "(?m)^" + line)
        history = out[out.index("\nTIME"):]
        self.assertLess(history.index("Pending"), history.index("Running"))
        self.assertLess(history.index("Running"), history.index("Failed"))

    # ---- logs

    def test_logs_of_a_task(self):
        task_id = self.run_id("--name", "talks", "--wait", "/bin/sh", "-c", "echo a; echo b; echo c >&2")
        self.assertEqual(self.cube("logs", "talks"), (0, "a\nb\nc\n", ""))
        self.assertEqual(self.cube("logs", "-n", "1", "--stream=stdout", task_id), (0, "b\n", ""))
        self.assertEqual(self.cube("logs", "-f", task_id[:13]), (0, "a\nb\nc\n", ""))
        self.assertEqual(self.cube("logs", "--since", "2100-01-01T00:00:00+02:00", "talks"), (0, "", ""))
        self.assertEqual(self.cube("logs", "--attempt", "1", "talks"), (0, "a\nb\nc\n", ""))
        code, out, err = self.cube("logs", "nosuch")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("no task is called 'nosuch'", err)

    def test_logs_of_a_task_that_never_started_say_so(self):
        task_id = self.run_id("--memory", "100t", "/bin/true")
        code, out, err = self.cube("logs", task_id)
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, rf"^cube logs: task {task_id} has no output yet: .*\n$")
        follow = subprocess.Popen([program("cube"), "logs", "-f", task_id, "-m", f"127.0.0.1:{self.manager.port}"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.cube("stop", task_id)
        out, err = follow.communicate(timeout=20)
        self.assertEqual((follow.returncode, out), (1, ""))
        self.assertEqual(err.count("\n"), 1)

    def test_follow_goes_on_over_a_manager_that_restarts(self):
        task_id = self.run_id("--wait=running", "/bin/sh", "-c",
                              "for i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 0.3; done")
        follow = subprocess.Popen([program("cube"), "logs", "-f", task_id, "-m", f"127.0.0.1:{self.manager.port}"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(0.8)
        self.manager.kill()
        self.manager.start()
        out, err = follow.communicate(timeout=30)
        self.assertEqual((follow.returncode, err), (0, ""))
        self.assertEqual(out.split(), list("123456789"))
        self.cluster.wait_ready("n1")

    def test_a_reader_that_goes_away_ends_it_quietly(self):
        p = subprocess.run(f"'{program('cube')}' run --logs -m 127.0.0.1:{self.manager.port} /bin/sh -c "
                           "'while :; do echo y; done' 2>err | head -n 3; cat err", shell=True, text=True,
                           capture_output=True, timeout=30, cwd=self.cluster.dir)
        lines = p.stdout.splitlines()
        self.assertEqual(lines[1:], ["y", "y"])
        self.cube("stop", lines[0])

    # ---- nodes and versions

    def test_nodes(self):
        code, out, err = self.cube("node")
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^NAME +STATUS +RUNTIME +TASKS +CPU +MEMORY +ADDRESS +REASON\nn1 +ready +process ")
        self.assertEqual(self.cube("node", "-o", "name"), (0, "n1\n", ""))
        code, out, err = self.cube("node", "n1")
        self.assertRegex(out, r"(?m)^Status: +ready$")
        self.assertEqual(self.cube("node", "nosuch"), (1, "", "cube node: there is no node nosuch\n"))
        self.assertEqual(self.cube("node", "drain"), (2, "", "cube node: drain needs the NAME of a node\n"))
        self.assertEqual(self.cube("node", "a/b"), (1, "", "cube node: 'a/b' is not a node's name\n"))
        self.assertEqual(self.cube("node", "rm", "nosuch"), (1, "", "cube node: there is no node nosuch\n"))
        task_id = self.run_id("--wait=running", "/bin/sleep", "1000")
        code, out, err = self.cube("node", "rm", "n1")
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, r"^cube node: .*n1.*\n$")
        self.assertEqual(self.cube("node", "cordon", "n1"), (0, "n1\n", ""))
        self.assertRegex(self.cube("node")[1], r"(?m)^n1 +cordoned ")
        self.assertRegex(self.cube("node", "n1")[1], r"(?m)^Status: +cordoned$")
        self.assertEqual(self.cube("node", "uncordon", "n1"), (0, "n1\n", ""))
        # It is the only node: what runs there can go nowhere, and the deadline ends it.
        code, out, err = self.cube("node", "drain", "n1", "--deadline", "0")
        self.assertEqual(code, 1)
        self.assertRegex(out, rf"^{task_id[:8]} \S+ waits: no node is ready: 1 cordoned\nn1\n$")
        self.assertEqual(err, "cube node: 1 task had to be stopped when the deadline was over: see `cube status`\n")
        self.assertEqual(self.cube("node", "uncordon", "n1")[0], 0)
        self.assertEqual(self.cube("stop", task_id)[0], 0)
        for word in ("cordon", "uncordon", "drain"):
            self.assertEqual(self.cube("node", word, "nosuch"), (1, "", "cube node: there is no node nosuch\n"))
        self.assertEqual(self.cube("node", "drain", "n1", "--deadline", "31h")[0], 0)
        self.assertEqual(self.cube("node", "drain", "n1", "--deadline", "1000h")[0], 2)
        self.assertEqual(self.cube("node", "drain", "n1", "--no-wait"), (0, "n1\n", ""))
        self.assertEqual(self.cube("node", "uncordon", "n1")[0], 0)
        with Cluster() as other:
            other.start_manager()
            other.start_worker("n2")
            other.wait_ready("n2")
            other.workers["n2"].kill()
            self.assertEqual(other.cube("node", "rm", "n2"), (0, "n2\n", ""))
            self.assertEqual(other.manager.get("/nodes"), [])

    def test_version_of_both(self):
        code, out, err = self.cube("version")
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^cube \d+\.\d+\.\d+, plugin ABI 1\.1\nmanager \d+\.\d+\.\d+ at http://127.0.0.1:\d+\n$")


class NoManager(unittest.TestCase):
    """What answers is not a manager of cube's, or lies."""

    def serve(self, status, body, content_type="application/json"):
        """Answers everything with this; its host:port."""
        class Handler(http.server.BaseHTTPRequestHandler):
            def reply(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                data = body if isinstance(body, bytes) else body.encode()
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = reply

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"127.0.0.1:{server.server_port}"

    def test_another_web_server(self):
        for status, body, kind in [(200, "<html>", "text/html"), (404, "<html>", "text/html"), (200, "{}", None),
                                   (301, "", "text/html"), (500, "oops", "text/plain")]:
            with self.subTest(status=status, body=body):
                at = self.serve(status, body, kind or "application/json")
                code, out, err = cube("status", manager=at)
                self.assertEqual((code, out), (1, ""))
                self.assertTrue(err.startswith(f"cube status: what answers at http://{at} is no manager"), err)
                self.assertEqual(err.count("\n"), 1)
                self.assertEqual(cube("run", "--wait", "x", manager=at)[0] if status != 200 else 125, 125)

    def test_control_characters_in_its_message(self):
        at = self.serve(400, json.dumps({"HTTPStatusCode": 400, "Message": "bad\x1b[2J\r\nthing\x9b"}))
        self.assertEqual(cube("run", "x", manager=at), (1, "", "cube run: bad?[2J? thing?\n"))

    def test_names_of_nodes_and_tasks_are_cleaned(self):
        at = self.serve(200, json.dumps([{"Name": "\x1b]0;x\x07", "ID": "\x1b", "Sequence": 1}]))
        for args in [("node",), ("node", "-o", "name"), ("status",), ("status", "-o", "name"), ("node", "-o", "json"),
                     ("status", "-o", "json")]:
            code, out, err = cube(*args, manager=at)
            self.assertEqual((code, err), (0, ""))
            self.assertNotIn("\x1b", out)
            self.assertNotIn("\x07", out)

    def test_one_task_and_one_node_are_cleaned(self):
        task = {"ID": str(uuid.uuid4()), "Name": "\x1b[2J", "Image": "a\x9b31m", "Reason": "\x07\x7f", "State": 4,
                "Labels": {"\x1b": "\x1b"}, "HostPorts": {"\x1b": [{"HostPort": "\x1b"}]}, "Enforces": ["\x1b"]}
        at = self.serve(200, json.dumps(task))
        for args in [("status", task["ID"]), ("status", task["ID"], "-o", "json"), ("node", "x"), ("version",)]:
            code, out, err = cube(*args, manager=at)
            self.assertEqual((code, err), (0, ""))
            for c in "\x1b\x07\x7f\x9b":
                self.assertNotIn(c, out)
        self.assertEqual(json.loads(cube("status", task["ID"], "-o", "json", manager=at)[1]), task)

    def test_a_list_without_end_ends(self):
        page = json.dumps([{"ID": str(uuid.uuid4()), "Name": "x", "Sequence": 5} for _ in range(1000)])
        code, out, err = cube("status", "-a", "-o", "name", manager=self.serve(200, page))
        self.assertEqual((code, err), (0, ""))
        self.assertIn(len(out.split()), (1000, 2000))

    def test_no_http_at_all(self):
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)

        def answer():
            try:
                while True:
                    peer, _ = server.accept()
                    peer.recv(1000)
                    peer.sendall(b"220 mail.example ESMTP\r\n")
                    peer.close()
            except OSError:
                pass

        threading.Thread(target=answer, daemon=True).start()
        code, out, err = cube("status", manager="127.0.0.1:%d" % server.getsockname()[1])
        self.assertEqual((code, out), (1, ""))
        self.assertIn("manager", err)
        self.assertEqual(err.count("\n"), 1)


class Documents(unittest.TestCase):
    """What the build makes of the tables that --help prints."""

    PAGES = ["cube.1", "cube-plugin.7", "cube-manager.8", "cube-worker.8"]

    def page(self, name):
        with open(os.path.join(BUILD, "man", name)) as f:
            return f.read()

    def test_every_option_of_help_is_in_its_page(self):
        for name, args in [("cube.1", [[program("cube"), c, "--help"] for c in COMMANDS]),
                           ("cube-manager.8", [[program("cube-manager"), "--help"]]),
                           ("cube-worker.8", [[program("cube-worker"), "--help"]])]:
            page = self.page(name)
            for argv in args:
                out = subprocess.run(argv, text=True, capture_output=True, timeout=30, check=True).stdout
                options = [w.rstrip(",").split("[")[0] for line in out.splitlines() if line.startswith("  ")
                           for w in line.split()[:2] if w.startswith("--")]
                self.assertGreater(len(options), 0)
                for option in options:
                    self.assertIn("Fl " + option[1:], page, argv)
            self.assertNotIn("@", page)

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_mandoc_finds_nothing(self):
        for name in self.PAGES:
            out = subprocess.run(["mandoc", "-Tlint", os.path.join(BUILD, "man", name)], text=True,
                                 capture_output=True, timeout=30).stdout
            # Our own pages are not installed where it looks.
            left = [line for line in out.splitlines() if "referenced manual not found" not in line]
            self.assertEqual(left, [], name)

    # ---- completion

    def complete(self, *words, manager="127.0.0.1:1"):
        """What bash offers for the last of the words, as it has taken them apart."""
        script = (f". '{BUILD}/completion/cube'; COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1)); "
                  "complete -p cube cube-manager cube-worker >/dev/null || exit 9; "
                  "__cube; for word in \"${COMPREPLY[@]}\"; do printf '%s\\n' \"$word\"; done")
        p = subprocess.run(["bash", "--norc", "--noprofile", "-c", script, "bash", *words], text=True,
                           capture_output=True, timeout=30, cwd="/",
                           env={"PATH": os.path.join(BUILD, "bin") + ":/usr/bin:/bin", "CUBE_MANAGER": manager})
        self.assertEqual((p.returncode, p.stderr), (0, ""))
        return p.stdout.split("\n")[:-1]

    def test_commands_and_options_are_completed(self):
        self.assertEqual(self.complete("cube", "st"), ["stop", "status"])
        self.assertEqual(set(self.complete("cube", "")), {"help", "ps", *COMMANDS})
        self.assertEqual(self.complete("cube", "run", "--mem"), ["--memory="])
        self.assertEqual(self.complete("cube", "stop", "--no"), ["--no-wait "])
        self.assertEqual(self.complete("cube", "run", "--wa"), ["--wait ", "--wait="])
        self.assertEqual(self.complete("cube", "run", "--wait", "=", ""), ["running", "done"])
        self.assertEqual(self.complete("cube", "ps", "-o", "j"), ["json"])
        self.assertEqual(self.complete("cube", "sim", "-o", "c"), ["csv"])
        self.assertEqual(self.complete("cube", "sim", "-s", "ep"), ["epvm.so"])
        self.assertEqual(self.complete("cube", "status", "--output", "="), ["table", "json", "name"])
        self.assertEqual(self.complete("cube-worker", "--log-level", "d"), ["debug"])
        self.assertEqual(self.complete("cube", "help", "lo"), ["logs"])
        self.assertEqual(self.complete("cube", "run", "-f", BUILD + "/bin/cube-m"), [BUILD + "/bin/cube-manager"])
        self.assertEqual(self.complete("cube-worker", "--data-dir", BUILD + "/bi"), [BUILD + "/bin"])
        self.assertEqual(self.complete("cube", "nosuch", "-"), [])

    def test_plugin_files_are_completed_by_their_kind(self):
        self.assertEqual(self.complete("cube-worker", "--runtime", "=", ""), ["docker.so", "process.so"])
        self.assertEqual(self.complete("cube-worker", "--store", "s"), ["sqlite.so"])
        self.assertIn("roundrobin.so", self.complete("cube-manager", "--scheduler", ""))
        self.assertEqual(self.complete("cube", "plugin", "info", "ro"), ["roundrobin.so"])

    def test_tasks_and_nodes_are_completed_and_no_manager_is_no_error(self):
        self.assertEqual(self.complete("cube", "stop", ""), [])
        with Cluster() as cluster:
            at = f"127.0.0.1:{cluster.start_manager().port}"
            cluster.start_worker("node-one")
            cluster.wait_ready("node-one")
            live = cluster.submit("/bin/sleep", "1000", Name="live")["ID"]
            ended = cluster.submit("/bin/true", Name="ended")["ID"]
            cluster.wait_final(ended)
            self.assertEqual(set(self.complete("cube", "stop", "", manager=at)), {live, "live"})
            self.assertEqual(set(self.complete("cube", "logs", "", manager=at)), {live, "live", ended, "ended"})
            self.assertIn("ended", self.complete("cube", "status", "e", manager=at))
            self.assertEqual(self.complete("cube", "node", "n", manager=at), ["node-one"])
            self.assertEqual(self.complete("cube", "status", "--node", "n", manager=at), ["node-one"])
            # The manager that is named on the line.
            host, port = at.split(":")
            self.assertEqual(self.complete("cube", "node", "-m", host, ":", port, "node"), ["node-one"])


if __name__ == "__main__":
    unittest.main()
