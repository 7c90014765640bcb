// A server to compare fibermsal with. It signs users in and calls Graph as Microsoft's
// samples for Node do: MSAL Node on Express 5, with the token cache in express-session
// and the sessions in Redis. Each request creates a client, from metadata that is
// fetched once at the start.
//
// The environment must contain NODE_ENV=production, NODE_EXTRA_CA_CERTS with the value
// of CA_FILE, because Node reads it only when it starts, and
//
//   PORT, PUBLIC_URL         the port on 127.0.0.1, and the origin in a browser
//   REDIS_URL                redis://127.0.0.1:6379/0
//   CLIENT_ID, CLIENT_SECRET of a registration with ${PUBLIC_URL}/auth/redirect
//   AUTHORITY, GRAPH_URL     https://login.microsoftonline.com/<tenant id> and
//                            https://graph.microsoft.com/v1.0, or the emulator's
//   WEB_CONCURRENCY          the number of processes (default: 1, which uses one core)

import cluster from "node:cluster";
import { createHmac } from "node:crypto";
import { promisify } from "node:util";

import { ConfidentialClientApplication, CryptoProvider, InteractionRequiredAuthError, ResponseMode } from "@azure/msal-node";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { createClient } from "redis";

const env = process.env;
const scopes = ["User.Read"]; // MSAL adds openid, profile and offline_access
const redirectUri = `${env.PUBLIC_URL}/auth/redirect`;
const random = new CryptoProvider();

// clientConfig fetches what MSAL would otherwise request at the first use of each client.
// The metadata of the cloud also lists the authority's host as trusted.
async function clientConfig() {
  const authority = env.AUTHORITY;
  const instances = new URL("/common/discovery/instance", authority);
  instances.searchParams.set("api-version", "1.1");
  instances.searchParams.set("authorization_endpoint", `${authority}/oauth2/v2.0/authorize`);
  const [cloudDiscoveryMetadata, authorityMetadata] = await Promise.all([
    fetchText(instances),
    fetchText(`${authority}/v2.0/.well-known/openid-configuration`),
  ]);
  return {
    auth: { clientId: env.CLIENT_ID, clientSecret: env.CLIENT_SECRET, authority, cloudDiscoveryMetadata, authorityMetadata },
  };
}

async function fetchText(url) {
  const response = await fetch(url);
  if (!response.ok) {
    throw new Error(`${url}: ${response.status}`);
  }
  return response.text();
}

function newApp(config, store) {
  const app = express();
  app.disable("x-powered-by");
  app.use(session({
    store,
    // The same in all processes, which receive only one secret.
    secret: createHmac("sha256", env.CLIENT_SECRET).update("session cookie").digest("hex"),
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: "lax", secure: env.PUBLIC_URL.startsWith("https:") },
  }));

  app.get("/auth/signin", async (req, res) => {
    const { verifier, challenge } = await random.generatePkceCodes();
    const pending = { state: random.createNewGuid(), nonce: random.createNewGuid(), codeVerifier: verifier };
    const url = await new ConfidentialClientApplication(config).getAuthCodeUrl({
      scopes,
      redirectUri,
      responseMode: ResponseMode.QUERY,
      state: pending.state,
      nonce: pending.nonce,
      codeChallenge: challenge,
      codeChallengeMethod: "S256",
    });
    req.session.pending = pending;
    res.redirect(url);
  });

  app.get("/auth/redirect", async (req, res) => {
    const { pending } = req.session;
    if (!pending || !req.query.code) {
      return res.sendStatus(400);
    }
    const client = new ConfidentialClientApplication(config);
    // MSAL checks state and nonce.
    const { account } = await client.acquireTokenByCode({ scopes, redirectUri, code: req.query.code, ...pending }, req.query);
    // A new session ID at sign-in, as express-session recommends.
    await promisify(req.session.regenerate).call(req.session);
    req.session.account = account;
    req.session.tokenCache = client.getTokenCache().serialize();
    res.redirect("/");
  });

  app.get("/session", requireAccount, (req, res) => {
    res.type("text/plain").send(req.session.account.localAccountId);
  });

  app.get("/graph", requireAccount, async (req, res) => {
    const client = new ConfidentialClientApplication(config);
    client.getTokenCache().deserialize(req.session.tokenCache);
    const { account, accessToken } = await client.acquireTokenSilent({ account: req.session.account, scopes });
    // express-session stores the session if it has changed.
    req.session.account = account;
    req.session.tokenCache = client.getTokenCache().serialize();
    // fetch reuses its connections.
    const answer = await fetch(`${env.GRAPH_URL}/me`, { headers: { Authorization: `Bearer ${accessToken}` } });
    if (answer.status === 401) {
      return res.sendStatus(401);
    }
    if (!answer.ok) {
      throw new Error(`Graph answered ${answer.status}`);
    }
    const { id } = await answer.json();
    res.type("text/plain").send(id);
  });

  app.use((error, req, res, next) => {
    if (error instanceof InteractionRequiredAuthError) {
      return res.sendStatus(401);
    }
    console.error(error);
    if (res.headersSent) {
      return next(error);
    }
    res.sendStatus(500);
  });
  return app;
}

function requireAccount(req, res, next) {
  if (!req.session.account) {
    return res.sendStatus(401);
  }
  next();
}

async function serve() {
  const redis = createClient({ url: env.REDIS_URL });
  redis.on("error", (error) => console.error(error));
  const [config] = await Promise.all([clientConfig(), redis.connect()]);
  const server = newApp(config, new RedisStore({ client: redis })).listen(Number(env.PORT), "127.0.0.1", (error) => {
    if (error) {
      throw error;
    }
  });
  process.once("SIGTERM", () => {
    server.close(() => {
      redis.destroy();
      process.exit();
    });
    server.closeIdleConnections(); // Node 18 leaves them open
  });
}

const processes = Number(env.WEB_CONCURRENCY ?? 1);
if (cluster.isPrimary && processes > 1) {
  for (let i = 0; i < processes; i++) {
    cluster.fork();
  }
  process.once("SIGTERM", () => {
    for (const worker of Object.values(cluster.workers)) {
      worker.kill();
    }
  });
} else {
  await serve();
}
