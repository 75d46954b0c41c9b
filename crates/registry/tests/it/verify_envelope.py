"""Verifies a DSSE envelope with a public key, by securesystemslib."""

import json
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

envelope_file, key_file = sys.argv[1:]
with open(key_file, "rb") as file:
    public = load_pem_public_key(file.read())
with open(envelope_file, encoding="utf-8") as file:
    envelope = Envelope.from_dict(json.load(file))
key = SSlibKey.from_crypto(public)
# It demands that both key ids are equal; ours are empty.
key.keyid = ""
envelope.verify([key], threshold=1)
