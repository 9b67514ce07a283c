"""How soon room that becomes free is used, by what the history says of a task that waited for it.

Tasks as large as the node: one runs, the next fits nowhere and waits. The first ends, and the
moments from then until the next one runs are those of the manager's own history, read when all
is over, so that asking takes no part in what is measured.
"""

import datetime
import json

from flow import COMPLETED, PENDING, RUNNING, SCHEDULED, wait_for


def ms_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1e3


class Handover:
    """One task ended and another took its place: ms from its end until the manager heard of it, and
    from then until the other was placed, and until the manager heard that it runs."""

    def __init__(self, history, ended, follower, end):
        def moment(task, state):
            return ms_of(next(e["Time"] for e in history if e.get("Task") == task and e["State"] == state))

        heard = moment(ended, COMPLETED)
        self.heard_ms = heard - ms_of(end)
        self.placed_ms = moment(follower, SCHEDULED) - heard
        self.running_ms = moment(follower, RUNNING) - heard


def history_of(manager):
    status, _, text = manager.request("GET", "/events?since=0&follow=0")
    assert status == 200, (status, text)
    return [json.loads(line) for line in text.splitlines() if line]


def handovers(cluster, count, cores, image, *command, **fields):
    """count of them in a row, on a cluster where a task of that many cores fits once."""
    fields = dict({"Cpu": cores, "RestartPolicy": "no", "StopTimeout": 0}, **fields)
    ids = [cluster.submit(image, *command, **fields)["ID"]]
    cluster.wait_state(ids[0], RUNNING, 60)
    for _ in range(count):
        follower = cluster.submit(image, *command, **fields)
        wait_for("it to wait for a place", lambda task=follower["ID"]: cluster.task(task)["Reason"])
        assert cluster.task(follower["ID"])["State"] == PENDING
        status, _, body = cluster.manager.request("DELETE", "/tasks/" + ids[-1])
        assert status == 204, (status, body)
        ids.append(follower["ID"])
        cluster.wait_state(ids[-1], RUNNING, 60)
    history = history_of(cluster.manager)
    return [Handover(history, *pair, cluster.task(pair[0])["FinishTime"]) for pair in zip(ids, ids[1:])]
