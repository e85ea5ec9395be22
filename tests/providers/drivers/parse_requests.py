"""Parses request bodies with Google's published protobuf messages, unknown fields refused.

Run by the interpreter of an environment that has google-ai-generativelanguage. Reads from standard input a JSON list of
{"version", "message", "body", "parent"?}, where body is the text that was sent; writes a JSON list of {"parsed"} or
{"error"}, in the same order. Imports nothing of ours.
"""

import importlib
import json
import sys

from google.protobuf import json_format


def parse(version, message, body):
    types = importlib.import_module(f"google.ai.generativelanguage_{version}.types")
    kind = getattr(types, message)
    try:
        parsed = json_format.Parse(body, kind.pb()(), ignore_unknown_fields=False)
    except json_format.ParseError as error:
        return {"error": str(error)}
    return {"parsed": json.loads(json_format.MessageToJson(parsed))}


asked = json.load(sys.stdin)
json.dump([parse(item["version"], item["message"], item["body"]) for item in asked], sys.stdout)
