"""A substitute for curl with the options that the documents use: -s -i -X -H -d -o -D and a URL."""

import argparse
import sys
from pathlib import Path

import httpx

parser = argparse.ArgumentParser()
parser.add_argument("-s", action="store_true")
parser.add_argument("-i", action="store_true")
parser.add_argument("-X", dest="method")
parser.add_argument("-H", dest="headers", action="append", default=[])
parser.add_argument("-d", dest="data")
parser.add_argument("-o", dest="output")
parser.add_argument("-D", dest="dump")
parser.add_argument("url")
asked = parser.parse_args()

data = asked.data
if data is not None and data.startswith("@"):
    data = sys.stdin.read() if data == "@-" else Path(data[1:]).read_text()
headers = [tuple(part.strip() for part in header.split(":", 1)) for header in asked.headers]
method = asked.method or ("GET" if data is None else "POST")
answer = httpx.request(method, asked.url, headers=headers, content=data, timeout=60)  # type: ignore[arg-type]

lines = [f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}", *(f"{k}: {v}" for k, v in answer.headers.items())]
head = "\r\n".join(lines) + "\r\n\r\n"
if asked.dump:
    Path(asked.dump).write_text(head)
if asked.output:
    Path(asked.output).write_bytes(answer.content)
else:
    sys.stdout.write((head if asked.i else "") + answer.text)
