"""The main job on a real Docker Engine: a private dockerd, images imported from busybox, a real
pull from a registry on loopback."""

import json
import os
import signal
import subprocess
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import COMPLETED, FAILED, RUNNING, Cluster, Dockerd, free_port, wait_for

IMAGE = "cube-test/busybox"


class Registry:
    """Debian's docker-registry on a loopback port."""

    def __init__(self, folder):
        self.port = free_port()
        config = os.path.join(folder, "registry.yml")
        with open(config, "w") as f:
            f.write(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder}/registry\n"
                    f"http:\n  addr: 127.0.0.1:{self.port}\nlog:\n  level: error\n")
        self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for("the registry", lambda: urllib.request.urlopen(
            f"http://127.0.0.1:{self.port}/v2/", timeout=2).status == 200)

    def close(self):
        self.process.kill()
        self.process.wait()


class OnDocker(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dockerd = Dockerd().__enter__()
        cls.addClassCleanup(cls.dockerd.__exit__)
        cls.cluster = Cluster("roundrobin.so")
        cls.addClassCleanup(cls.cluster.__exit__)
        cls.cluster.start_manager()
        socket = "socket=" + cls.dockerd.socket
        for name in ("d1", "d2"):
            cls.cluster.start_worker(name, "docker.so", "--runtime-opt", socket, "--cpus", "8")
        cls.cluster.start_worker("p1", "process.so", "--cpus", "8")
        cls.cluster.wait_ready("d1", "d2", "p1", seconds=30)

    def containers(self, task_id):
        out = self.dockerd.docker("ps", "-aq", "--no-trunc", "--filter", "label=cube.task=" + task_id)
        return out.split()

    def only_on_docker(self):
        """Takes the process worker out, for tests of what Docker alone does."""
        self.cluster.workers["p1"].stop()
        self.cluster.manager.request("DELETE", "/nodes/p1")
        self.addCleanup(lambda: (self.cluster.start_worker("p1", "process.so", "--cpus", "8"),
                                 self.cluster.wait_ready("d1", "d2", "p1")))

    def test_1_twenty_tasks_over_three_workers_get_their_fair_share(self):
        # A program that both an image and this machine have.
        tasks = [self.cluster.submit(IMAGE, "sleep", "1000", Memory=32 << 20, Cpu=0.25,
                                     Entrypoint=["/bin/busybox"])
                 for _ in range(20)]
        share = {}
        for task in tasks:
            task = self.cluster.wait_state(task["ID"], RUNNING, 60)
            share.setdefault(task["Node"], []).append(task)
        self.assertEqual(sorted(len(s) for s in share.values()), [6, 7, 7], {n: len(s) for n, s in share.items()})
        for node in ("d1", "d2"):
            for task in share[node]:
                container = self.dockerd.inspect(task["ContainerID"])
                self.assertTrue(container["State"]["Running"])
                self.assertEqual(container["HostConfig"]["Memory"], 32 << 20)
                self.assertEqual(container["HostConfig"]["NanoCpus"], 250000000)
                self.assertIn("no-new-privileges", json.dumps(container["HostConfig"]["SecurityOpt"]))
                self.assertEqual(container["HostConfig"]["RestartPolicy"]["Name"] or "no", "no")
                self.assertEqual(container["Config"]["Labels"]["cube.task"], task["ID"])
                self.assertEqual(container["Config"]["Labels"]["cube.attempt"], "1")
        for task in tasks:
            self.cluster.manager.request("DELETE", "/tasks/" + task["ID"])
        for task in tasks:
            self.assertEqual(self.cluster.wait_final(task["ID"], 60)["State"], COMPLETED)
        wait_for("their containers to be gone", lambda: not any(self.containers(t["ID"]) for t in tasks), 60)

    def test_2_ports_exit_codes_and_reasons(self):
        self.only_on_docker()
        cluster = self.cluster
        port = free_port()
        web = cluster.submit(IMAGE, "sh", "-c", "mkdir /www; echo hello > /www/index.html; httpd -f -p 80 -h /www",
                             PortBindings={"80/tcp": str(port)}, Memory=64 << 20)
        cluster.wait_state(web["ID"], RUNNING, 30)
        body = wait_for("the published port to answer", lambda: urllib.request.urlopen(
            f"http://127.0.0.1:{port}/", timeout=2).read())
        self.assertEqual(body, b"hello\n")
        # Exposed, not bound: a free port of the host.
        exposed = cluster.submit(IMAGE, "sleep", "1000", ExposedPorts={"7777/tcp": {}})
        exposed = cluster.wait_state(exposed["ID"], RUNNING, 30)
        self.assertGreater(int(exposed["HostPorts"]["7777/tcp"][0]["HostPort"]), 0)

        self.assertEqual(self.ended("true")["State"], COMPLETED)
        three = self.ended("sh", "-c", "echo to-out; echo to-err >&2; exit 3")
        self.assertEqual((three["State"], three["ExitCode"]), (FAILED, 3))
        logs = f"/tasks/{three['ID']}/logs"
        self.assertEqual(cluster.manager.get(logs + "?stream=stdout"), "to-out\n")
        self.assertEqual(cluster.manager.get(logs + "?stream=stderr"), "to-err\n")
        missing = cluster.submit("cube-test/there-is-none:1", RestartPolicy="no")
        missing = cluster.wait_final(missing["ID"], 60)
        self.assertEqual(missing["State"], FAILED)
        self.assertIn("there-is-none", missing["Reason"])
        badcommand = self.ended("/no/such/program")
        self.assertEqual(badcommand["State"], FAILED)
        self.assertIn("/no/such/program", badcommand["Reason"])
        hungry = self.ended("sh", "-c", "x=a; while :; do x=$x$x; done", Memory=16 << 20)
        self.assertEqual((hungry["State"], hungry["ExitCode"], hungry["OOMKilled"]), (FAILED, 137, True))

        for task in (web, exposed):
            cluster.manager.request("DELETE", "/tasks/" + task["ID"])
            cluster.wait_final(task["ID"], 30)
            wait_for("its container to be gone", lambda t=task: not self.containers(t["ID"]))

    def ended(self, *args, **fields):
        task = self.cluster.submit(IMAGE, *args, RestartPolicy="no", **fields)
        return self.cluster.wait_final(task["ID"], 60)

    def test_3_a_real_pull_from_a_registry(self):
        self.only_on_docker()
        registry = Registry(self.cluster.dir)
        self.addCleanup(registry.close)
        image = f"127.0.0.1:{registry.port}/cube/pulled:1"
        self.dockerd.docker("tag", IMAGE, image)
        self.dockerd.docker("push", image)
        self.dockerd.docker("rmi", image)
        task = self.cluster.submit(image, "sh", "-c", "echo pulled")
        task = self.cluster.wait_final(task["ID"], 60)
        self.assertEqual(task["State"], COMPLETED, task["Reason"])
        self.assertEqual(self.cluster.manager.get(f"/tasks/{task['ID']}/logs"), "pulled\n")

    def test_4_a_worker_that_comes_back_adopts_its_containers(self):
        self.only_on_docker()
        tasks = [self.cluster.submit(IMAGE, "sleep", "1000") for _ in range(6)]
        tasks = [self.cluster.wait_state(t["ID"], RUNNING, 60) for t in tasks]
        ending = self.cluster.submit(IMAGE, "sh", "-c", "sleep 2; exit 5", RestartPolicy="no")
        self.cluster.wait_state(ending["ID"], RUNNING, 60)
        for name in ("d1", "d2"):
            self.cluster.workers[name].kill()
        time.sleep(2.5)
        for name in ("d1", "d2"):
            self.cluster.start_worker(name, "docker.so", "--runtime-opt", "socket=" + self.dockerd.socket,
                                      "--cpus", "8")
        ending = self.cluster.wait_final(ending["ID"], 30)
        self.assertEqual((ending["State"], ending["ExitCode"]), (FAILED, 5))
        for task in tasks:
            self.assertEqual(self.containers(task["ID"]), [task["ContainerID"]])
            self.assertEqual(self.cluster.task(task["ID"])["State"], RUNNING)
            self.cluster.manager.request("DELETE", "/tasks/" + task["ID"])
        for task in tasks:
            self.cluster.wait_final(task["ID"], 60)

    def test_5_an_engine_that_is_stopped_holds_up_nobody(self):
        self.only_on_docker()
        self.cluster.start_worker("p9", "process.so", "--cpus", "8")
        self.cluster.wait_ready("p9")
        pid = self.dockerd.pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            slowest = 0
            tasks = []
            for _ in range(9):
                begin = time.monotonic()
                tasks.append(self.cluster.submit("/bin/true"))
                slowest = max(slowest, time.monotonic() - begin)
            self.assertLess(slowest, 1)

            def some_ended():
                states = [self.cluster.task(t["ID"]) for t in tasks]
                return sum(1 for t in states if t["Node"] == "p9" and t["State"] == COMPLETED) >= 3
            wait_for("the other worker's tasks to go on", some_ended, 20)
        finally:
            os.kill(pid, signal.SIGCONT)
        # The engine is back: what waited runs (and fails there for want of such an image).
        for task in tasks:
            self.cluster.wait_final(task["ID"], 120)
        self.cluster.workers["p9"].stop()
        self.cluster.manager.request("DELETE", "/nodes/p9")


class EngineDown(unittest.TestCase):
    def test_a_worker_without_an_engine_says_so_and_goes_on_when_it_is_there(self):
        with Dockerd() as dockerd, Cluster() as cluster:
            dockerd.control("stop-engine")
            cluster.start_manager()
            cluster.start_worker("d1", "docker.so", "--runtime-opt", "socket=" + dockerd.socket)

            def unready():
                nodes = cluster.manager.get("/nodes")
                return nodes and not nodes[0]["RuntimeReady"] and "not asked" not in nodes[0]["RuntimeReason"] and nodes[0]
            node = wait_for("the node to say that its runtime is not ready", unready)
            self.assertIn(dockerd.socket, json.dumps(node))
            task = cluster.submit(IMAGE, "sleep", "1000", RestartPolicy="no")
            lasting = cluster.submit(IMAGE, "sleep", "1000")
            dockerd.control("restart")
            task = cluster.wait_state(task["ID"], RUNNING, 60)
            self.assertEqual(task["Attempt"], 1)
            cluster.wait_state(lasting["ID"], RUNNING, 60)
            # It ends, and its containers with it, as Docker does; and comes back: the end is
            # reported with its code, the worker goes on, and what may starts again.
            dockerd.control("stop-engine")
            wait_for("the node to notice", unready, 30)
            dockerd.control("restart")
            cluster.wait_ready("d1", seconds=60)
            task = cluster.wait_final(task["ID"], 30)
            self.assertEqual(task["State"], FAILED)
            self.assertIn(task["ExitCode"], (137, 143))
            lasting = wait_for("the other to run again", lambda: (t := cluster.task(lasting["ID"]))["Attempt"] > 1
                               and t["State"] == RUNNING and t, 30)
            # More than one, if an engine that was about to end was asked once more.
            self.assertIn(lasting["RestartCount"], (1, 2))
            again = cluster.submit(IMAGE, "true")
            self.assertEqual(cluster.wait_final(again["ID"], 60)["State"], COMPLETED)


if __name__ == "__main__":
    unittest.main()
