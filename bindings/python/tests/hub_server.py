"""A hub of one model on this machine, for the hub's clients: what a repository consists of, and its files by ranges, the large ones by way
of another address. The hub's own Python client downloads from it, too (`test_hub.py`)."""

import hashlib
import http.server
import json
import pathlib
import re
import threading
import time
import urllib.parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_API = re.compile(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?$")
_FILE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)$")
_STORED = re.compile(r"/stored/(.+)$")


class Hub(http.server.ThreadingHTTPServer):
    """`files`, by their paths; `asked` is what was asked for, in order."""

    def __init__(self, name, files, *, token=None, mute=False, cut=None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.files, self.token, self.mute, self.cut = name, files, token, mute, cut
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    @classmethod
    def of_directory(cls, name, directory, **options):
        directory = pathlib.Path(directory)
        files = {str(f.relative_to(directory)): f.read_bytes() for f in sorted(directory.rglob("*")) if f.is_file()}
        return cls(name, files, **options)

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlparse(self.path).path)
        self.server.asked.append(path)
        if self.server.mute:
            time.sleep(60)
        if self.server.token and self.headers.get("Authorization") != f"Bearer {self.server.token}" and not _STORED.match(path):
            return self._answer(401, {"X-Error-Code": "RepoNotFound"}, b"{}")
        api, file, stored = _API.match(path), _FILE.match(path), _STORED.match(path)
        if api and api[1] == self.server.name and api[2] in (None, "main", COMMIT):
            siblings = [{"rfilename": name} for name in self.server.files]
            body = {"id": self.server.name, "modelId": self.server.name, "sha": COMMIT, "siblings": siblings}
            return self._answer(200, {"Content-Type": "application/json"}, json.dumps(body).encode())
        if file and file[1] == self.server.name and file[2] in ("main", COMMIT) and file[3] in self.server.files:
            return self._file(file[3])
        if stored and stored[1] in self.server.files:
            return self._part(self.server.files[stored[1]], {})
        return self._answer(404, {"X-Error-Code": "EntryNotFound" if file else "RepoNotFound"}, b"{}")

    def _file(self, name):
        data = self.server.files[name]
        etag, commit = f'"{hashlib.sha256(data).hexdigest()}"', {"X-Repo-Commit": COMMIT}
        if not name.endswith(".safetensors"):
            return self._part(data, {"ETag": etag, **commit})
        # Another host, as on the hub: its clients take what is said of the file from this answer.
        place = f"{self.server.endpoint.replace('127.0.0.1', 'localhost')}/stored/{name}"
        return self._answer(302, {"Location": place, "X-Linked-Etag": etag, "X-Linked-Size": str(len(data)), **commit}, b"")

    def _part(self, data, headers):
        asked = re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range", ""))
        if not asked:
            return self._answer(200, headers, data)
        first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
        headers = {**headers, "Content-Range": f"bytes {first}-{last}/{len(data)}"}
        return self._answer(206, headers, data[first : last + 1])

    def _answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = self.server.cut
        if cut is not None and len(body) > cut:
            self.server.cut = None
            self.wfile.write(body[:cut])
            self.close_connection = True
            return
        self.wfile.write(body)

    def log_message(self, *_):
        pass
