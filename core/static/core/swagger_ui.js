"use strict";

// Swagger UI that stays signed in for a shift. The dialog of Authorize fetches the first pair of tokens; before a request whose
// access token is about to expire, this page exchanges the refresh token for the next pair. Tokens are held in memory only:
// closing or reloading the page forgets them.

const { schema, refresh: refreshUrl, logout: logoutUrl } = document.currentScript.dataset;
const SCHEME = "signIn";
const MARGIN_MS = 60_000;

let session = null; // {shown, access, refresh, lifetime, expiresAt}; `shown` is the access token that Swagger UI knows
let renewal = null; // the exchange that is under way

const post = (url, body) =>
  fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// Where the hospital keeps refresh tokens in a cookie, there is none in the body.
const refreshBody = () => (session.refresh ? { refresh: session.refresh } : {});

const hold = (access, refresh, lifetime) => {
  const shown = session ? session.shown : access;
  session = { shown, access, refresh, lifetime, expiresAt: Date.now() + lifetime * 1000 };
};

const exchange = async () => {
  const answer = await post(refreshUrl, refreshBody());
  if (answer.ok) {
    const pair = await answer.json();
    hold(pair.access, pair.refresh, session.lifetime);
  } else if (answer.status === 401) {
    ui.authActions.logout([SCHEME]); // the session has ended: the padlocks open, and the request answers 401
  }
};

const renewed = async () => {
  if (session.expiresAt - Date.now() < MARGIN_MS) {
    renewal ??= exchange().finally(() => { renewal = null; });
    await renewal.catch(() => {}); // no connection: the request itself will say so
  }
};

const requestInterceptor = async (request) => {
  if (session && request.headers?.Authorization === `Bearer ${session.shown}`) {
    await renewed();
    if (session) request.headers.Authorization = `Bearer ${session.access}`;
  }
  return request;
};

const stayingSignedIn = {
  statePlugins: {
    auth: {
      wrapActions: {
        authorizeOauth2: (original) => (payload) => {
          session = null;
          hold(payload.token.access_token, payload.token.refresh_token, payload.token.expires_in);
          return original(payload);
        },
        logout: (original) => (names) => {
          if (session && names.includes(SCHEME)) {
            post(logoutUrl, refreshBody()).catch(() => {});
            session = null;
          }
          return original(names);
        },
      },
    },
  },
};

const ui = SwaggerUIBundle({
  url: schema,
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [stayingSignedIn],
  layout: "BaseLayout",
  requestInterceptor,
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "none",
  filter: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
});
