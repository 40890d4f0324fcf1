"""Run the server of an inference container: the real toolkit's Transformer with the code in model.tar.gz, on one port."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from sagemaker_inference.transformer import Transformer

MODEL_DIR, PORT = sys.argv[1], int(sys.argv[2])
TRANSFORMER, ONE_AT_A_TIME = Transformer(), Lock()


class Context:
    """One request in the form that the toolkit expects."""

    system_properties = {"model_dir": MODEL_DIR}

    def __init__(self, headers):
        self.headers = headers
        self.status, self.phrase, self.kind = 200, "OK", "application/json"
        self.request_processor = [self]

    def get_request_properties(self):
        return dict(self.headers)

    def set_response_status(self, code, phrase):
        self.status, self.phrase = code, phrase

    def set_response_content_type(self, _, kind):
        self.kind = kind


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            with ONE_AT_A_TIME:
                TRANSFORMER.validate_and_initialize(MODEL_DIR, Context({}))
            self.answer(200, b"", "text/plain")
        except Exception as error:
            self.answer(500, str(error).encode(), "text/plain")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        context = Context(self.headers)
        with ONE_AT_A_TIME:
            (result,) = TRANSFORMER.transform([{"body": body}], context)
        self.answer(int(context.status), result if isinstance(result, bytes) else result.encode(), context.kind)

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("localhost", PORT), Handler).serve_forever()
