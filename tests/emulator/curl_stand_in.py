"""As much of curl as the page on the emulator uses, for machines without it: -s, -X METHOD, -d BODY, URL."""

from __future__ import annotations

import argparse
import sys
import urllib.error
import urllib.request

parser = argparse.ArgumentParser()
parser.add_argument("-s", action="store_true")
parser.add_argument("-X", dest="method")
parser.add_argument("-d", dest="body")
parser.add_argument("url")
given = parser.parse_args()
body = None if given.body is None else given.body.encode()
request = urllib.request.Request(given.url, data=body, method=given.method)
try:
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
except urllib.error.HTTPError as error:
    text = error.read()
sys.stdout.buffer.write(text)
