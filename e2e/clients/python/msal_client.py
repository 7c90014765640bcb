"""MSAL Python."""

import msal

from emulator import adele, api_scope, emulator, me, ok, parameters, redirect_uri, version, visit

version("msal")

# docs:start
app = msal.ConfidentialClientApplication(
    emulator["client_id"], client_credential=emulator["client_secret"],
    authority=emulator["authority"], instance_discovery=False,  # MSAL asks Microsoft about unknown hosts
)
flow = app.initiate_auth_code_flow(["User.Read"], redirect_uri=redirect_uri, login_hint=adele["upn"])
# docs:end

result = app.acquire_token_by_auth_code_flow(flow, parameters(visit(flow["auth_uri"])))
assert result.get("id_token_claims", {}).get("oid") == adele["id"], result
assert me(result["access_token"])["id"] == adele["id"]
ok("sign-in with PKCE")

renewed = app.acquire_token_silent(["User.Read"], app.get_accounts()[0], force_refresh=True)
assert renewed["access_token"] != result["access_token"]
ok("renewal")

assert "access_token" in app.acquire_token_for_client(["https://graph.microsoft.com/.default"])
ok("client credentials")

flow = app.initiate_auth_code_flow([api_scope], redirect_uri=redirect_uri, login_hint=adele["upn"])
assertion = app.acquire_token_by_auth_code_flow(flow, parameters(visit(flow["auth_uri"])))["access_token"]
result = app.acquire_token_on_behalf_of(assertion, ["User.Read"])
assert me(result["access_token"])["id"] == adele["id"], result
ok("on-behalf-of")
