"""TLS with the strict verification (RFC 5280) that is the default since Python 3.13."""

import os
import ssl
import sys
import urllib.request

from emulator import emulator, ok

print("version", sys.version.split()[0], flush=True)
context = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])
context.verify_flags |= ssl.VERIFY_X509_STRICT
with urllib.request.urlopen(emulator["authority"] + "/discovery/v2.0/keys", context=context) as response:
    assert response.status == 200
ok("strict verification of the certificate")
