"""Authlib, which authenticates with HTTP Basic."""

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import jwt

from emulator import adele, emulator, me, ok, redirect_uri, version, visit

version("authlib")

# docs:start
metadata = requests.get(emulator["authority"] + "/v2.0/.well-known/openid-configuration").json()
client = OAuth2Session(
    emulator["client_id"], emulator["client_secret"], scope="openid profile email offline_access User.Read",
    redirect_uri=redirect_uri, token_endpoint=metadata["token_endpoint"], code_challenge_method="S256",
)
# docs:end

verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
url, state = client.create_authorization_url(
    metadata["authorization_endpoint"], code_verifier=verifier, nonce="n1", login_hint=adele["upn"]
)
token = client.fetch_token(authorization_response=visit(url), state=state, code_verifier=verifier)
keys = requests.get(metadata["jwks_uri"]).json()
claims = jwt.decode(token["id_token"], keys)
claims.validate()
assert claims["oid"] == adele["id"] and claims["nonce"] == "n1" and claims["iss"] == metadata["issuer"]
assert me(token["access_token"])["id"] == adele["id"]
ok("sign-in with PKCE, Basic")

info = client.get(metadata["userinfo_endpoint"]).json()
assert info["sub"] == claims["sub"] and info["email"] == adele["mail"], info
ok("userinfo")

renewed = client.refresh_token(metadata["token_endpoint"], token["refresh_token"])
assert renewed["access_token"] != token["access_token"]
ok("renewal")
