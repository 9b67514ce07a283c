"""contrib/openapi.json against the sources and the running programs, in both directions.

The sources: every route of the two tables is described and no other, every member that the
encoders write, every one that the decoders know, every name of a query. The programs: all
described operations are walked through, every answer is held against its schema, and what
was described and never came is a fault too.
"""

import http.client
import http.server
import json
import os
import re
import sqlite3
import sys
import threading
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import COMPLETED, FAILED, ROOT, RUNNING, Cluster, event, free_port, wait_for
from schema import Schemas

# Answers of the last resort: they take a failing store, a full disk or half a minute, and
# have tests of their own (store_full_test.py, http_server_test.c, http_body_test.c).
UNSEEN_STATUSES = {"408", "501", "503", "504", "default"}
TABLES = {"manager": "core/shell/manager_api.c", "worker": "core/shell/worker_api.c"}
METHODS = ("get", "put", "post", "delete", "patch")


def source(path):
    with open(os.path.join(ROOT, path)) as f:
        return f.read()


def load():
    return json.loads(source("contrib/openapi.json"))


def operations(document):
    """{(server, METHOD, path): operation}"""
    return {(server, method.upper(), path): op
            for path, item in document["paths"].items() for method, op in item.items() if method in METHODS
            for server in op["tags"]}


def concerns(schemas, thing, server):
    return schemas.resolve(thing).get("x-cube-only", server) == server


class Sources(unittest.TestCase):
    """What can be seen without running anything."""

    def setUp(self):
        self.document = load()
        self.schemas = Schemas(self.document)
        self.operations = operations(self.document)

    def properties(self, name):
        return {key: value for key, (_, value) in
                self.schemas.members({"$ref": "#/components/schemas/" + name})[0].items()}

    def test_every_route_is_described_and_no_other(self):
        routes = {(server, method, path) for server, file in TABLES.items()
                  for method, path in re.findall(r'^\t\{"([A-Z]+)", "([^"]+)", \w+\},$', source(file), re.M)}
        self.assertGreater(len(routes), 20)
        self.assertEqual(routes, set(self.operations))

    def test_servers_and_tags_say_the_same_and_names_are_unique(self):
        ids = [op["operationId"] for item in self.document["paths"].values()
               for method, op in item.items() if method in METHODS]
        self.assertEqual(len(ids), len(set(ids)))
        for (server, method, path), op in self.operations.items():
            self.assertEqual([s["description"].removeprefix("cube-") for s in op["servers"]], op["tags"])
            described = {p["name"] for p in map(self.schemas.resolve, self.parameters(path, op))
                         if p["in"] == "path"}
            self.assertEqual(described, set(re.findall(r"{(\w+)}", path)), path)

    def parameters(self, path, op):
        return self.document["paths"][path].get("parameters", []) + op.get("parameters", [])

    def test_every_component_is_used_and_every_reference_leads_somewhere(self):
        text = json.dumps(self.document)
        for target in set(re.findall(r'"#/([^"]+)"', text)):
            self.schemas.resolve({"$ref": "#/" + target})
        for kind, components in self.document["components"].items():
            for name in components:
                if (kind, name) != ("responses", "NotAllowed"):  # of no operation: see Programs
                    self.assertIn(f'"#/components/{kind}/{name}"', text)

    def test_what_the_encoders_write_is_described_and_no_more(self):
        written = re.compile(r'(?:json_put_\w+|json_key|time_write|text_write|array_write)\(\s*\w+,\s*"(\w+)"')
        def keys(*files):
            return {key for file in files for key in written.findall(source("core/" + file))}
        self.assertEqual(keys("model/codec_status.c", "model/codec_pack.c", "model/codec_port.c",
                              "model/codec_placing.c", "model/codec_write.c"),
                         set(self.properties("Task")) | set(self.properties("HostPort"))
                         | set(self.properties("MaxPerLabel")))
        self.assertEqual({k for k, p in self.properties("Task").items() if p.get("readOnly")} | {"ID"},
                         set(self.properties("Report")))
        self.assertEqual(keys("model/codec_node.c"), set(self.properties("Node")))
        self.assertEqual(keys("model/codec_orders.c"),
                         set(self.properties("Orders")) | set(self.properties("Order")))
        self.assertEqual(keys("model/history.c"), set(self.properties("HistoryEntry")))
        self.assertEqual(keys("model/why.c"), set().union(*map(self.properties, (
            "Why", "WhyReason", "WhyChange", "WhyCost"))))
        self.assertEqual(keys("http/reply.c"), set(self.properties("Error")))
        self.assertEqual(keys("shell/sampler.c") - {"all", "used", "free", "freeInodes", "id", "last1min", "last5min",
                                                    "last15min", "process_running", "process_total", "last_pid"},
                         set(self.properties("Stats")))

    def test_what_the_decoders_take_is_described_and_the_rest_is_read_only(self):
        def table(file, name):
            inside = re.search(r"%s\[\] = \{\n(.*?)\n\};" % name, source("core/model/" + file), re.S).group(1)
            return dict(re.findall(r'\{"(\w+)", (\w+),', inside))
        for schema, file, name in (("Task", "codec_spec.c", "spec_fields"),
                                   ("MaxPerLabel", "codec_placing.c", "limit_fields"), ("Node", "codec_node.c", "node_fields"),
                                   ("TaskEvent", "codec_request.c", "event_fields"),
                                   ("WhyReason", "why.c", "reason_fields"), ("WhyChange", "why.c", "change_fields"),
                                   ("WhyCost", "why.c", "cost_fields"), ("Why", "why.c", "why_fields"),
                                   ("Orders", "codec_orders.c", "orders_fields"),
                                   ("Order", "codec_orders.c", "order_fields")):
            fields, properties = table(file, name), self.properties(schema)
            self.assertEqual(set(fields), set(properties), schema)
            self.assertEqual({k for k, reader in fields.items() if reader == "NULL"},
                             {k for k, p in properties.items() if p.get("readOnly")}, schema)

    def test_every_name_of_a_query_is_described_and_no_other(self):
        asked = re.compile(r'(?:http_query\w*|name_read)\(\w+,\s*"(\w+)"')
        # The manager hands the query of a log on to the worker.
        files = {("manager", "/tasks"): "manager_list.c", ("worker", "/tasks"): "worker_api.c",
                 ("manager", "/events"): "manager_events.c",
                 ("manager", "/tasks/{id}/logs"): "worker_logs.c", ("worker", "/tasks/{id}/logs"): "worker_logs.c"}
        for (server, method, path), op in self.operations.items():
            names = {p["name"] for p in map(self.schemas.resolve, self.parameters(path, op))
                     if p["in"] == "query" and p.get("x-cube-only", server) == server}
            file = files.get((server, path)) if method == "GET" else None
            self.assertEqual(names, set(asked.findall(source("core/shell/" + file))) if file else set(), path)


class Recorder:
    """Stands between the manager and a worker, hands all on, and keeps it."""

    def __init__(self):
        recorder = self
        self.port, self.worker_port, self.kept = free_port(), None, []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                connection = http.client.HTTPConnection("127.0.0.1", recorder.worker_port, timeout=70)
                try:
                    connection.request(self.command, self.path, body or None,
                                       {k: v for k, v in self.headers.items() if k.lower() != "host"})
                    answer = connection.getresponse()
                    data = answer.read()
                except OSError:
                    self.close_connection = True
                    return
                finally:
                    connection.close()
                recorder.kept.append((self.command, self.path, body, answer.status, answer.headers, data))
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            do_GET = do_PUT = do_POST = do_DELETE = pass_on

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, address):
                pass  # a client that went away
        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Walk:
    """Every operation asked in every way that is described, and what was wrong with the answers."""

    def __init__(self, cluster):
        self.cluster, self.document = cluster, load()
        self.schemas = Schemas(self.document)
        self.operations = operations(self.document)
        self.faults, self.statuses, self.described_headers = [], set(), set()
        self.recorder = Recorder()
        cluster.cleanups.append(self.recorder.close)
        self.unnamed = free_port()  # a worker that never answers
        cluster.start_manager("--workers", f"127.0.0.1:{self.unnamed}")
        port = free_port()
        self.recorder.worker_port = port
        cluster.start_worker("n1", "process.so", "--advertise", f"127.0.0.1:{self.recorder.port}",
                             "--labels", "zone=a", port=port)
        cluster.wait_ready("n1")
        self.daemons = {"manager": cluster.manager, "worker": cluster.workers["n1"]}

    # ---- one answer ----

    def operation(self, server, method, path):
        """The operation that a real path is of, and its path as described."""
        plain = path.partition("?")[0]
        for (whose, verb, pattern), op in self.operations.items():
            if (whose, verb) == (server, method) and re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), plain):
                return pattern, op
        raise AssertionError(f"{server} {method} {path} is not described")

    def ask(self, server, method, path, body=None, wanted=None, headers=None):
        if isinstance(body, (dict, list)):
            self.check_request(server, method, path, body, wanted)
        status, fields, answer = self.daemons[server].request(method, path, body, headers)
        self.judge(server, method, path, status, fields, answer)
        if wanted is not None and status != wanted:
            self.faults.append(f"{server} {method} {path}: {status}, not {wanted}: {answer}")
        return answer

    def check_request(self, server, method, path, body, wanted):
        """A body that is taken must be one that the description allows."""
        if wanted in (200, 201):
            _, op = self.operation(server, method, path)
            schema = op["requestBody"]["content"]["application/json"]["schema"]
            self.faults += self.schemas.check(body, schema, f"{server} {method} {path}", written=True)

    def judge(self, server, method, path, status, fields, answer):
        where = f"{server} {method} {path} -> {status}"
        pattern, op = self.operation(server, method, path)
        self.statuses.add((server, method, pattern, str(status)))
        described = op["responses"].get(str(status)) or (op["responses"]["default"] if status >= 500 else None)
        if described is None:
            self.faults.append(f"{where}: not described")
            return
        described = self.schemas.resolve(described)
        for name, header in described["headers"].items():
            # One that goes with a name of the query comes with that alone.
            if self.schemas.resolve(header).get("x-cube-with", "?") + "=" not in path + "?=":
                if name in fields:
                    self.faults.append(f"{where}: {name} was not asked for")
            elif concerns(self.schemas, header, server):
                value = fields.get(name)
                self.faults += [f"{where}: no {name}"] if value is None else \
                    self.schemas.check(value, self.schemas.resolve(header)["schema"], f"{where} {name}")
        for name in fields:
            if name.startswith("Cube-") and name not in described["headers"]:
                self.faults.append(f"{where}: {name} is not described")
        content = described.get("content")
        kind = (fields.get("Content-Type") or "").partition(";")[0]
        if content is None or kind not in content:
            if content is not None or answer:
                self.faults.append(f"{where}: {kind!r}, not {list(content or ())}")
            return
        self.faults += self.schemas.check(answer, content[kind]["schema"], where)

    def send_length(self, server, method, path, length):
        """A header that promises a body of this length, and no body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.daemons[server].port, timeout=20)
        connection.putrequest(method, path)
        connection.putheader("Content-Length", str(length))
        connection.endheaders()
        answer = connection.getresponse()
        self.judge(server, method, path, answer.status, answer.headers, json.loads(answer.read()))
        connection.close()

    # ---- the way ----

    def go(self):
        self.walk_submits("manager")
        self.walk_tasks("manager", self.running)
        self.walk_nodes()
        self.walk_why()
        self.walk_manager_lists()
        self.walk_events()
        self.walk_worker()
        self.walk_orders()
        self.walk_broken_queries()
        self.walk_plain()
        self.walk_other_methods()
        self.ask("manager", "DELETE", f"/tasks/{self.running}", wanted=204)
        self.cluster.wait_state(self.running, COMPLETED)
        self.cluster.workers["n1"].kill()
        self.ask("manager", "GET", f"/tasks/{self.running}/logs", wanted=502)
        self.walk_stored()

    def full_event(self):
        """One with everything that a client may say."""
        return event("/bin/sh", "-c", "echo out; echo err >&2; sleep 300", Entrypoint=["/bin/sh"], Name="full",
                     Cpu=0.01, Memory=1 << 20, Disk=1 << 20, ExposedPorts={"80/tcp": {}},
                     PortBindings={"80/tcp": "", "81": [{"HostIp": "", "HostPort": "0"}]}, RestartPolicy="on-failure",
                     MaxRestarts=2, HealthCheck="/health", OnNodeLost="wait", StopAfterDisconnect=3600,
                     Env=["A=b"], Labels={"k": "v"}, Constraints=["node.name!=n9", "!exists gpu"], Job="j", Priority=7,
                     MaxPerNode={"Label": "k", "Max": 9}, StopTimeout=1)

    def walk_submits(self, server):
        full = self.full_event()
        self.writable = {k for k, p in self.document["components"]["schemas"]["Task"]["properties"].items()
                         if not p.get("readOnly")}
        # HealthCheck and Health are two forms of one thing.
        assert set(full["Task"]) | {"Health"} == self.writable, set(full["Task"]) ^ self.writable
        self.running = self.ask(server, "POST", "/tasks", full, 201)["ID"]
        self.ask(server, "POST", "/tasks", full, 201)
        other = dict(full, Task=dict(full["Task"], Priority=8))
        self.ask(server, "POST", "/tasks", other, 409)
        self.ask(server, "POST", "/tasks", dict(full, Colour="red"), 400)
        self.ask(server, "POST", "/tasks", {"State": 3, "Task": {"ID": str(uuid.uuid4())}}, 404)
        self.send_length(server, "POST", "/tasks", 1 << 30)
        if server == "worker":
            return
        often = {"Interval": 60, "Timeout": 1, "Threshold": 5, "StartPeriod": 60}
        for health in ({"Http": "/", "Port": "80/tcp", **often}, {"Tcp": "80/tcp", **often}):
            watched = event("/bin/sleep", "300", ExposedPorts={"80/tcp": {}}, Health=health,
                            MaxPerNode=9)
            self.ask(server, "POST", "/tasks", watched, 201)
        self.ended = self.ask(server, "POST", "/tasks", [event("/bin/sh", "-c", "exit 3")], 201)[0]["ID"]
        self.cluster.wait_state(self.running, RUNNING)
        self.cluster.wait_state(self.ended, FAILED)

    def walk_tasks(self, server, there):
        nowhere = uuid.uuid4()
        for method, tail, good in (("GET", "", 200), ("GET", "/history", 200), ("GET", "/why", 200), ("GET", "/logs?tail=9", 200),
                                   ("DELETE", "", 204)):
            if (server, method, "/tasks/{id}" + tail.partition("?")[0]) not in self.operations:
                continue
            self.ask(server, method, f"/tasks/no-uuid{tail}", wanted=400)
            self.ask(server, method, f"/tasks/{nowhere}{tail}", wanted=404)
            if method != "DELETE":
                self.ask(server, method, f"/tasks/{there}{tail}", wanted=good)

    def walk_why(self):
        """What is there, what has ended, what would fit and what would not."""
        self.ask("manager", "GET", f"/tasks/{self.ended}/why", wanted=200)
        plain, huge = event("/bin/true"), event("/bin/true", Cpu=4000)
        self.ask("manager", "POST", "/tasks/why", plain, 200)
        if len(self.ask("manager", "POST", "/tasks/why", [plain, huge, self.full_event()], 200)) != 3:
            self.faults.append("/tasks/why: three tasks, and not three answers")
        self.ask("manager", "POST", "/tasks/why", dict(plain, Colour="red"), 400)
        self.ask("manager", "POST", "/tasks/why", {"State": 3, "Task": {"ID": self.running}}, 400)
        other = event("/bin/true", ID=self.running)
        self.ask("manager", "POST", "/tasks/why", other, 409)
        self.send_length("manager", "POST", "/tasks/why", 1 << 30)

    def walk_manager_lists(self):
        self.ask("manager", "GET", f"/tasks/{self.ended}", wanted=200)
        for query in ("", "?state=running,4&limit=1", "?name=full&node=n1&job=j&label=k%3Dv", "?after=1",
                      f"?prefix={self.running[:8]}"):
            tasks = self.ask("manager", "GET", "/tasks" + query, wanted=200)
            if not tasks:
                self.faults.append(f"/tasks{query}: no tasks")

    def walk_events(self):
        lines = self.ask("manager", "GET", "/events?since=0&follow=0", wanted=200).splitlines()
        schema = {"$ref": "#/components/schemas/HistoryEntry"}
        seen = set()
        for line in map(json.loads, filter(None, lines)):
            self.faults += self.schemas.check(line, schema, "/events")
            seen.add(("Task" in line, line["By"]))
        if not {(True, "user"), (True, "scheduler"), (True, "worker"), (False, "worker")} <= seen:
            self.faults.append(f"/events shows {seen}")
        self.ask("manager", "GET", f"/events?follow=0&node=n1&task={self.ended}&since=0", wanted=200)
        self.ask("manager", "GET", "/events?since=1000000&follow=0", wanted=410)
        self.ask("manager", "GET", "/events?since=-1", wanted=400)

    def walk_nodes(self):
        self.ask("manager", "GET", "/nodes", wanted=200)
        for method in ("GET", "DELETE"):
            self.ask("manager", method, "/nodes/%21", wanted=400)
            self.ask("manager", method, "/nodes/nobody", wanted=404)
        self.ask("manager", "GET", "/nodes/n1", wanted=200)
        self.ask("manager", "DELETE", "/nodes/n1", wanted=409)
        own = self.ask("worker", "GET", "/node", wanted=200)
        self.ask("manager", "POST", "/nodes", own, 200)
        new = dict(own, Name="n2", Instance=str(uuid.uuid4()), Api=f"http://127.0.0.1:{free_port()}")
        self.ask("manager", "POST", "/nodes", new, 201, {"Cube-Protocol": "1"})
        self.ask("manager", "POST", "/nodes", dict(own, Instance=str(uuid.uuid4())), 409)
        self.ask("manager", "POST", "/nodes", dict(own, Cores=-1), 400)
        self.send_length("manager", "POST", "/nodes", 1 << 30)
        self.ask("manager", "DELETE", "/nodes/n2", wanted=204)
        for word in ("cordon", "uncordon", "drain"):
            self.ask("manager", "POST", f"/nodes/%21/{word}", wanted=400)
            self.ask("manager", "POST", f"/nodes/nobody/{word}", wanted=404)
            self.ask("manager", "POST", f"/nodes/127.0.0.1-{self.unnamed}/{word}", wanted=409)
        self.ask("manager", "POST", "/nodes/n1/cordon", wanted=200)
        # What runs on it fits nowhere else, so it stays.
        self.ask("manager", "POST", "/nodes/n1/drain", wanted=200)
        self.ask("manager", "POST", "/nodes/n1/drain", {"Deadline": 600}, 200)
        for broken in ({"Deadline": -1}, {"Deadline": 1 << 40}, {"Deadline": "1h"}, {"Dead": 1}, []):
            self.ask("manager", "POST", "/nodes/n1/drain", broken, 400)
        self.send_length("manager", "POST", "/nodes/n1/drain", 1 << 30)
        drained = self.ask("manager", "POST", "/nodes/n1/uncordon", wanted=200)
        if drained["Status"] != "ready" or drained["TaskCount"] == 0:
            self.faults.append(f"after uncordon: {drained}")

    def walk_worker(self):
        self.ask("worker", "GET", "/tasks", wanted=200)
        revision = self.daemons["worker"].request("GET", "/tasks")[1]["Cube-Revision"]
        self.ask("worker", "GET", f"/tasks?since={revision}&wait=0.1", wanted=200)
        self.ask("worker", "GET", "/tasks?wait=1", wanted=400)
        ordered = self.running
        self.walk_submits("worker")
        local, self.running = self.running, ordered
        self.walk_tasks("worker", ordered)
        self.ask("worker", "DELETE", f"/tasks/{local}", wanted=204)
        self.ask("worker", "GET", "/stats", wanted=200)
        self.ask("worker", "PUT", "/desired", {"Cluster": 1}, 400)
        foreign = {"Cluster": str(uuid.uuid4()), "Generation": 1, "Sequence": 1, "Tasks": []}
        self.ask("worker", "PUT", "/desired", foreign, 409)
        self.send_length("worker", "PUT", "/desired", 1 << 30)

    def walk_orders(self):
        """What the manager and the worker said to each other."""
        wait_for("the manager to acknowledge", lambda: any(
            method == "PUT" and json.loads(body)["Tasks"] == [] for method, _, body, *_ in self.recorder.kept))
        for method, path, body, status, fields, data in list(self.recorder.kept):
            if body:
                self.check_request("worker", method, path, json.loads(body), status)
            text = "json" not in (fields.get("Content-Type") or "")
            self.judge("worker", method, path, status, fields, data.decode() if text else json.loads(data))

    def walk_broken_queries(self):
        for (server, method, pattern), op in self.operations.items():
            for p in map(self.schemas.resolve, op.get("parameters", [])):
                if p["in"] == "query" and concerns(self.schemas, p, server):
                    path = pattern.replace("{id}", self.running) + f"?{p['name']}=%zz"
                    answer = self.ask(server, method, path, wanted=400)
                    if f"?{p['name']}=" not in answer["Message"]:
                        self.faults.append(f"{server} {path}: the message does not name it: {answer}")

    def walk_plain(self):
        for server in self.daemons:
            self.ask(server, "GET", "/healthz", wanted=200)
            answer = self.ask(server, "GET", "/version", wanted=200)
            if answer["Version"] != self.document["info"]["version"]:
                self.faults.append(f"{server} is {answer}, described is {self.document['info']['version']}")

    def walk_other_methods(self):
        """Of each path: what is not described is 405, and Allow says what is. A path of the other's is 404."""
        for pattern in self.document["paths"]:
            path = pattern.replace("{id}", self.running).replace("{name}", "n1")
            for server in self.daemons:
                methods = {m for s, m, p in self.operations
                           if s == server and re.fullmatch(re.sub(r"{\w+}", "[^/]+", p), path)}
                for method in {m.upper() for m in METHODS} - methods:
                    status, fields, answer = self.daemons[server].request(method, path)
                    where = f"{server} {method} {path} -> {status}"
                    self.faults += self.schemas.check(answer, {"$ref": "#/components/schemas/Error"}, where)
                    allow = set((fields.get("Allow") or "").split(", ")) - {""}
                    if (status, allow) != ((405, methods) if methods else (404, set())):
                        self.faults.append(f"{where}: Allow: {allow}, described are {methods}")

    def walk_stored(self):
        """What no task here can be brought to by itself stands in the store, and is told from there."""
        self.cluster.manager.stop()
        store = sqlite3.connect(self.cluster.path("manager", "cube.db"))
        key = "task/" + self.ended
        value, = store.execute("SELECT value FROM record WHERE key = ?", (key,)).fetchone()
        record = dict(json.loads(value), OOMKilled=True, PortTaken=True, Disconnected=True, Restarts=1, RestartsMax=3,
                      RestartAt="2030-01-01T00:00:00Z")
        store.execute("UPDATE record SET value = ? WHERE key = ?", (json.dumps(record), key))
        store.commit()
        store.close()
        self.daemons["manager"] = self.cluster.start_manager()
        self.ask("manager", "GET", f"/tasks/{self.ended}", wanted=200)


class Programs(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.__exit__)
        cls.walk = Walk(cls.cluster)
        cls.walk.go()

    def test_every_answer_is_as_described(self):
        self.assertEqual(self.walk.faults, [])

    def test_every_described_field_came(self):
        schemas = self.walk.schemas
        described = set()
        for name, schema in schemas.document["components"]["schemas"].items():
            if name == "Report":  # it has those of Task
                continue
            described |= {(owner or name, key) for key, (owner, inner) in
                          schemas.members({"$ref": "#/components/schemas/" + name})[0].items()}
            for key, inner in schema.get("properties", {}).items():
                described |= {(key, k) for k in inner.get("properties", ())}
        self.assertGreater(len(described), 100)
        self.assertEqual(described - schemas.seen, set())

    def test_every_described_status_came(self):
        described = {(server, method, path, status) for (server, method, path), op in self.walk.operations.items()
                     for status in op["responses"] if status not in UNSEEN_STATUSES}
        described -= {("worker", "GET", "/tasks/{id}/logs", "502")}  # it asks nobody
        self.assertEqual(described - self.walk.statuses, set())


if __name__ == "__main__":
    unittest.main()
