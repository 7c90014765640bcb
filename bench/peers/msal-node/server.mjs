// Sign-in and Graph the way Microsoft's samples for Node do it, as something to
// measure fibermsal against: MSAL Node on Express 5, its token cache in the session
// of express-session, the sessions in Redis. A client is made for each request, from
// metadata that was fetched once at the start.
//
// Whoever starts it sets NODE_ENV=production, NODE_EXTRA_CA_CERTS to what CA_FILE
// says, because Node reads that only at its own start, and
//
//   PORT, PUBLIC_URL         where it listens on 127.0.0.1, and its origin in a browser
//   REDIS_URL                redis://127.0.0.1:6379/0
//   CLIENT_ID, CLIENT_SECRET of the registration, with ${PUBLIC_URL}/auth/redirect
//   AUTHORITY, GRAPH_URL     https://login.microsoftonline.com/<tenant id> and
//                            https://graph.microsoft.com/v1.0, or the emulator's
//   WEB_CONCURRENCY          how many processes serve; 1, which uses one core, if not set

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

// clientConfig fetches what MSAL would ask for at the first use of every new client.
// The cloud's metadata also says that the authority's host may be trusted.
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
    // The same in all processes, which are given one secret only.
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
    // MSAL compares state and nonce.
    const { account } = await client.acquireTokenByCode({ scopes, redirectUri, code: req.query.code, ...pending }, req.query);
    // A new id for whoever is signed in now, as express-session recommends.
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
    // express-session stores the session if this has changed it.
    req.session.account = account;
    req.session.tokenCache = client.getTokenCache().serialize();
    // fetch keeps its connections.
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
