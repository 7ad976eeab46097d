# SPDX-License-Identifier: Apache-2.0
"""A server somewhere outside: whoever fetches its page is told from which address the question came."""

import http.server
import threading

from tests.interop.namespaces import call_inside


class Page(http.server.BaseHTTPRequestHandler):
    """One page."""

    def do_GET(self) -> None:
        body = f"you are {self.client_address[0]}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class WebServer:
    """Serves on port 80 of a namespace; a context manager."""

    def __init__(self, namespace: str, host: str) -> None:
        self._server = call_inside(namespace, lambda: http.server.ThreadingHTTPServer((host, 80), Page))

    def __enter__(self) -> "WebServer":
        threading.Thread(target=self._server.serve_forever, name="web server", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
