// The page signs the user in with MSAL Browser and calls the API with an access token. If the API refuses a token, its
// response says what is missing, and the page requests that from Microsoft.

const config = await (await fetch("config.json")).json();
const scopes = [config.scope];
const $ = (id) => document.getElementById(id);

const client = new msal.PublicClientApplication({
  auth: {
    clientId: config.clientId,
    authority: config.authority,
    redirectUri: location.origin + "/",
    clientCapabilities: ["CP1"], // claims challenges are handled below
    // Only for the emulator, because MSAL knows Microsoft's own authorities.
    ...(config.metadata && {
      knownAuthorities: [new URL(config.authority).host],
      authorityMetadata: await (await fetch(config.metadata)).text(),
    }),
  },
});

// token returns an access token. If the user must act first, the browser goes to Microsoft instead, and comes back to
// the page with state.
async function token(request, state) {
  request = { account: client.getActiveAccount(), state: JSON.stringify(state), ...request };
  if (!request.prompt) {
    try {
      // Not in a hidden frame, where most browsers block Microsoft's cookies.
      const cacheLookupPolicy = msal.CacheLookupPolicy.AccessTokenAndRefreshToken;
      return (await client.acquireTokenSilent({ ...request, cacheLookupPolicy })).accessToken;
    } catch (error) {
      if (!(error instanceof msal.InteractionRequiredAuthError)) throw error;
    }
  }
  await client.acquireTokenRedirect(request);
  return new Promise(() => {}); // the browser is leaving
}

// remedy returns what to request from Microsoft after the API has refused a token, or undefined if nothing would help.
function remedy(challenge) {
  switch (challenge.error) {
    case "invalid_token": // expired on its way, or revoked
      return { scopes, forceRefresh: true };
    case "insufficient_claims": // a step-up, or something has changed at Microsoft
      return { scopes, claims: atob(challenge.claims) };
    case "insufficient_user_authentication": // the last sign-in is too long ago
      return { scopes, prompt: "login" };
    case "insufficient_scope": // of the API, or of what it calls on behalf of the user
      return { scopes: challenge.scope.split(" "), prompt: "consent" };
  }
}

// challengeOf parses the WWW-Authenticate header, which the API must expose to pages of other origins.
function challengeOf(response) {
  const header = response.headers.get("WWW-Authenticate") ?? "";
  return Object.fromEntries(Array.from(header.matchAll(/(\w+)="([^"]*)"/g), ([, name, value]) => [name, value]));
}

// call calls the API, for example "GET /me", and repeats the call once after a remedy. steps records what
// has happened.
async function call(name, steps, accessToken, isSecond) {
  const [method, path] = name.split(" ");
  accessToken ??= await token({ scopes }, { name, steps });
  const response = await fetch(config.api + path, { method, headers: { Authorization: `Bearer ${accessToken}` } });
  const challenge = challengeOf(response);
  steps = [...steps, `${name}: ${response.status} ${challenge.error ?? ""}`];
  const request = isSecond ? undefined : remedy(challenge);
  if (request) return call(name, steps, await token(request, { name, steps }), true);
  show(steps, await response.json());
}

function show(steps, answer) {
  $("result").hidden = false;
  $("steps").replaceChildren(...steps.map((step) => Object.assign(document.createElement("li"), { textContent: step })));
  $("answer").textContent = JSON.stringify(answer, null, 2);
}

// attempt shows errors, for example if the user has cancelled or the network is down.
async function attempt(action) {
  try {
    await action();
  } catch (error) {
    show([error.errorCode ?? error.name], { message: error.message });
  }
}

$("api").textContent = config.api;
$("sign-in").onclick = () => attempt(() => client.loginRedirect({ scopes }));
$("sign-out").onclick = () => attempt(() => client.logoutRedirect({ account: client.getActiveAccount() }));
for (const button of document.querySelectorAll("[data-call]")) {
  button.onclick = () => attempt(() => call(button.dataset.call, []));
}

await attempt(async () => {
  await client.initialize();
  const returned = await client.handleRedirectPromise(); // null unless Microsoft has just returned to the page
  if (returned) client.setActiveAccount(returned.account);
  if (returned?.state) {
    const { name, steps } = JSON.parse(returned.state);
    await call(name, [...steps, "Microsoft asked you, and gave the page a new token"], returned.accessToken, true);
  }
});
const account = client.getActiveAccount();
$("user").textContent = account?.name ?? "";
$("signed-out").hidden = Boolean(account);
$("sign-out").hidden = $("calls").hidden = !account;
