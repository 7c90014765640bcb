"""What the clients in this directory have in common: the emulator, a browser, and a report."""

import json
import os
from urllib.parse import parse_qs, urlsplit, urlunsplit

import requests

emulator = json.loads(os.environ["EMULATOR"])  # the line that it printed
redirect_uri = os.environ["REDIRECT_URI"]
api_scope = f"api://{emulator['client_id']}/access_as_user"
adele = next(user for user in emulator["users"] if user["name"] == "Adele Vance")


def ok(name):
    print("ok", name, flush=True)


def version(package):
    import importlib.metadata

    print("version", importlib.metadata.version(package), flush=True)


def visit(address):
    """Open the sign-in page as a browser would; -auto answers it immediately. Return the URL of the redirect."""
    url = urlsplit(address)
    assert url.hostname == "login.localhost", address
    # Only browsers resolve names below localhost themselves.
    url = urlunsplit(url._replace(netloc=f"127.0.0.1:{url.port}"))
    response = requests.get(url, allow_redirects=False)
    assert response.status_code == 302, response.text
    location = response.headers["Location"]
    assert location.startswith(redirect_uri), location
    return location


def parameters(location):
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def me(access_token):
    response = requests.get(emulator["graph_url"] + "/me", headers={"Authorization": "Bearer " + access_token})
    assert response.status_code == 200, response.text
    return response.json()
