"""The disk of the manager's store is full: submissions are refused with the reason, what runs
goes on, and service resumes by itself when there is room."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import COMPLETED, RUNNING, Cluster, event, wait_for


class StoreFull(unittest.TestCase):
    def test_submits_are_refused_and_resume(self):
        with Cluster() as cluster:
            small = cluster.path("small")
            os.mkdir(small)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small], check=True)
            cluster.cleanups.append(lambda: subprocess.run(["umount", "-l", small], check=False))
            cluster.start_manager(data=small)
            cluster.start_worker("n1")
            cluster.wait_ready("n1")
            manager = cluster.manager
            running = cluster.submit("/bin/sleep", "1000")
            cluster.wait_state(running["ID"], RUNNING)

            with open(small + "/ballast", "wb", buffering=0) as f:
                try:
                    while True:
                        f.write(b"x" * 4096)
                except OSError:
                    pass
            # Until the log of the store has used up what it had, some may still get in.
            accepted, refused = [], None
            for _ in range(400):
                body = event("/bin/true", Env=["FILL=" + "x" * 30000])
                status, _, answer = manager.request("POST", "/tasks", body)
                if status == 201:
                    accepted.append(body["Task"]["ID"])
                    continue
                refused = (status, answer)
                if "repeat" not in answer["Message"]:
                    break
            self.assertIsNotNone(refused, "the store never filled up")
            status, answer = refused
            self.assertEqual((status, answer["HTTPStatusCode"]), (503, 503))
            self.assertRegex(answer["Message"].lower(), "full|space")

            # Reads and heartbeats go on; nothing that runs is touched.
            self.assertEqual(cluster.task(running["ID"])["State"], RUNNING)
            self.assertEqual(manager.get("/nodes/n1")["Status"], "ready")
            seen = manager.get("/nodes/n1")["LastSeen"]
            wait_for("a heartbeat", lambda: manager.get("/nodes/n1")["LastSeen"] != seen, 15)
            self.assertEqual(manager.request("GET", "/healthz")[0], 503)

            os.unlink(small + "/ballast")

            def accepted_again():
                status, _, answer = manager.request("POST", "/tasks", event("/bin/true"))
                return status == 201 and answer
            task = wait_for("submissions to be taken again", accepted_again, 20)
            self.assertEqual(cluster.wait_final(task["ID"])["State"], COMPLETED)
            self.assertEqual(cluster.task(running["ID"])["State"], RUNNING)
            for task_id in accepted:
                self.assertEqual(cluster.wait_final(task_id, 60)["State"], COMPLETED)
            self.assertEqual(manager.request("GET", "/healthz")[0], 200)


if __name__ == "__main__":
    unittest.main()
