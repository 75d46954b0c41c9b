"""Holds bills of material against other implementations: spdx-tools for SPDX, cyclonedx-python-lib for CycloneDX."""

import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document


def cyclonedx(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    version = SchemaVersion.from_version(json.loads(text)["specVersion"])
    error = JsonStrictValidator(version).validate_str(text)
    return [] if error is None else [str(error.data.message)]


def spdx(path):
    return [message.validation_message for message in validate_full_spdx_document(parse_file(path))]


wrong = 0
for path in sys.argv[1:]:
    found = cyclonedx(path) if path.endswith(".cdx.json") else spdx(path)
    for message in found[:5]:
        print(f"{path}: {message}", file=sys.stderr)
    wrong += len(found)
# What is refused has a status of its own: a script that fails has 1.
sys.exit(3 if wrong else 0)
