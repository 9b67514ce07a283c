"""A network of one's own for the flow tests: a bridge with the manager's address, and for each
worker a network namespace with a cable that can be pulled.

Leaving it (it is a context manager) takes down all that it made. Needs CAP_NET_ADMIN and
CAP_SYS_ADMIN; without them it says so with PermissionError and has made nothing.
"""

import os
import subprocess


def ip(*args):
    done = subprocess.run(["ip", *args], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        if "not permitted" in done.stderr:
            raise PermissionError("ip " + " ".join(args) + ": " + done.stderr.strip())
        raise AssertionError("ip " + " ".join(args) + ": " + done.stderr.strip())


class Network:
    def __init__(self):
        self.bridge, self.number, self.names = None, None, []

    def __enter__(self):
        for number in range(64):
            # Making it is the lock: it fails if another has it.
            try:
                ip("link", "add", f"cubenet{number}", "type", "bridge")
            except AssertionError:
                continue
            self.bridge, self.number = f"cubenet{number}", number
            break
        else:
            raise AssertionError("no bridge cubenet0..63 could be made")
        try:
            ip("address", "add", self.address(1) + "/24", "dev", self.bridge)
            ip("link", "set", self.bridge, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        for name in self.names:
            subprocess.run(["ip", "link", "delete", self._cable(name)], check=False, capture_output=True)
            subprocess.run(["ip", "netns", "delete", self._space(name)], check=False, capture_output=True)
        self.names = []
        if self.bridge:
            subprocess.run(["ip", "link", "delete", self.bridge], check=False, capture_output=True)
            self.bridge = None

    def address(self, host):
        return f"10.198.{self.number}.{host}"

    def _space(self, name):
        return f"{self.bridge}-{name}"

    def _cable(self, name):
        return f"cn{self.number}{name}"

    def add(self, name):
        """A namespace with a cable to the bridge; its address."""
        self.names.append(name)
        address, space, cable = self.address(10 + len(self.names)), self._space(name), self._cable(name)
        ip("netns", "add", space)
        ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
        ip("link", "set", cable, "master", self.bridge)
        ip("link", "set", cable, "up")
        ip("-n", space, "link", "set", "lo", "up")
        ip("-n", space, "address", "add", address + "/24", "dev", "eth0")
        ip("-n", space, "link", "set", "eth0", "up")
        return address

    def within(self, name):
        """The front of a command that is to run there; it becomes what it runs."""
        return ("nsenter", f"--net={os.path.join('/run/netns', self._space(name))}", "--")

    def cut(self, *names):
        for name in names:
            ip("link", "set", self._cable(name), "down")

    def join(self, *names):
        for name in names:
            ip("link", "set", self._cable(name), "up")
