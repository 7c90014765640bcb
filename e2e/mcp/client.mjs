// An MCP client that knows the URL of a server and its own client ID. It discovers everything else.

import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const { SERVER, AUTHORITY, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, USER } = process.env;

let tokens, codeVerifier, authorize;
const provider = {
  redirectUrl: REDIRECT_URI,
  clientMetadata: { client_name: "a client", redirect_uris: [REDIRECT_URI] },
  clientInformation: () => ({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET }),
  tokens: () => tokens,
  saveTokens: (saved) => { tokens = saved; },
  codeVerifier: () => codeVerifier,
  saveCodeVerifier: (saved) => { codeVerifier = saved; },
  redirectToAuthorization: (url) => { authorize = url; },
};

const connect = async () => {
  const transport = new StreamableHTTPClientTransport(new URL(SERVER), { authProvider: provider });
  const client = new Client({ name: "a client", version: "1.0.0" });
  return { transport, client, connected: client.connect(transport) };
};

// Without a token, the server answers 401, from which the client discovers Entra and the scopes.
const first = await connect();
await assert.rejects(first.connected, UnauthorizedError);
assert.ok(authorize, "the client has not found the authorization endpoint");
assert.ok(authorize.pathname.startsWith(new URL(AUTHORITY).pathname), authorize.href);
assert.equal(authorize.searchParams.get("resource"), SERVER);
assert.equal(authorize.searchParams.get("scope"), `${SERVER}/access_as_user`);
console.log("ok discovery");

// Stands in for a browser. Only browsers resolve names below localhost themselves.
authorize.hostname = "127.0.0.1";
authorize.searchParams.set("login_hint", USER);
const response = await fetch(authorize, { redirect: "manual" });
assert.equal(response.status, 302, await response.text());
const location = new URL(response.headers.get("location"));
await first.transport.finishAuth(location.searchParams.get("code"));
console.log("ok sign-in");

const second = await connect();
await second.connected;
const result = await second.client.callTool({ name: "whoami", arguments: {} });
assert.equal(result.content[0].text, USER);
console.log("ok call");
await second.client.close();
