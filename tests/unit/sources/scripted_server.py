"""A real HTTP server on loopback that misbehaves as it is told."""

import hashlib
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

CONTENT = bytes(range(256)) * 40_000  # 10,240,000 bytes
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Script:
    """What the server does, and what it was asked.

    Attributes:
        faults: one word a request, used up from the front; when none is left, it serves properly.
        ranges, hosts, paths: Range, Host and path of each request, in order.
        location: where the fault `redirect` points.
    """

    faults: list[str] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    hosts: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    location: str = ""


class Handler(BaseHTTPRequestHandler):
    script: Script

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.script.ranges.append(asked)
        self.script.hosts.append(self.headers.get("Host"))
        self.script.paths.append(self.path)
        fault = self.script.faults.pop(0) if self.script.faults else ""
        if fault.isdecimal():
            self.send_error(int(fault))
        elif fault == "redirect":
            self.send_response(302)
            self.send_header("Location", self.script.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._serve(fault, asked)

    def _serve(self, fault: str, asked: str | None) -> None:
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and fault != "no-range" else 0
        body = CONTENT[start:] if fault != "wrong" else bytes(len(CONTENT) - start)
        self.send_response(206 if start else 200)
        if start:
            said = 7 if fault == "lies" else start
            self.send_header("Content-Range", f"bytes {said}-{len(CONTENT) - 1}/{len(CONTENT)}")
        if fault != "unbounded":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = len(body) // 2 if fault in ("truncate", "stall") else len(body)
        try:
            self.wfile.write(body[:cut])
            self.wfile.flush()
        except OSError:  # the client went away, as some tests mean it to
            return
        if fault == "stall":
            time.sleep(1.5)
