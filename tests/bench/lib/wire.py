"""HTTP over one keep-alive connection, TCP or Unix socket, with little of Python in the time."""

import http.client
import json
import socket


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Wire:
    """to: a port of this machine, or the path of a socket."""

    def __init__(self, to, timeout=60):
        self.connection = (http.client.HTTPConnection("127.0.0.1", to, timeout=timeout) if isinstance(to, int)
                           else _UnixConnection(to, timeout))

    def request(self, method, path, body=None):
        """(status, parsed JSON or None). Connects again where the server closed."""
        data = None if body is None else json.dumps(body).encode()
        for last in (False, True):
            try:
                self.connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
                response = self.connection.getresponse()
                text = response.read()
                break
            except (ConnectionError, http.client.RemoteDisconnected, http.client.CannotSendRequest):
                self.connection.close()
                if last:
                    raise
        return response.status, json.loads(text) if text[:1] in (b"{", b"[") else None

    def expect(self, status, method, path, body=None):
        got, answer = self.request(method, path, body)
        if got != status:
            raise RuntimeError(f"{method} {path}: {got}, not {status}: {answer}")
        return answer

    def close(self):
        self.connection.close()
