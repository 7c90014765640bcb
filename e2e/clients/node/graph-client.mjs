// The Graph SDK for JavaScript, with a credential from Azure Identity.

import assert from "node:assert/strict";
import { ClientSecretCredential } from "@azure/identity";
import { Client, GraphError } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";
import { adele, check, emulator } from "./emulator.mjs";

const credential = new ClientSecretCredential(emulator.tenant_id, emulator.client_id, emulator.client_secret, {
  authorityHost: new URL(emulator.authority).origin, disableInstanceDiscovery: true,
});
// docs:start
const graph = Client.initWithMiddleware({
  authProvider: new TokenCredentialAuthenticationProvider(credential, { scopes: ["https://graph.microsoft.com/.default"] }),
  baseUrl: new URL(emulator.graph_url).origin, // without /v1.0
  customHosts: new Set([new URL(emulator.graph_url).hostname]), // which may receive tokens
});
// docs:end

await check("a user, $select", async () => {
  const user = await graph.api(`/users/${adele.id}`).select("displayName,Mail").get();
  assert.equal(user.displayName, adele.name);
  assert.deepEqual(Object.keys(user).sort(), ["@odata.context", "displayName", "mail"]);
});
await check("$expand=manager", async () => {
  const user = await graph.api(`/users/${adele.id}`).expand("manager($select=id,displayName)").get();
  assert.equal(user.manager.displayName, "Miriam Graham");
});
await check("a photo", async () => {
  const photo = await graph.api(`/users/${adele.id}/photo/$value`).get();
  assert.equal(photo.type, "image/jpeg");
});
await check("paging", async () => {
  const page = await graph.api(`/users/${adele.id}/transitiveMemberOf`).top(1).get();
  assert.equal(page.value.length, 1);
});
await check("errors", async () => {
  const failed = await graph.api("/users/nobody@contoso.com").get().then(() => null, (e) => e);
  assert.ok(failed instanceof GraphError);
  assert.equal(failed.code, "Request_ResourceNotFound");
});
await check("answers from files", async () => {
  const { value } = await graph.api(`/users/${adele.id}/messages`).get();
  assert.equal(value[0].subject, "from a file");
});
