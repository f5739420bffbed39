// Adds the headers that isolate the page from other origins to what a host sends without them; see isolate.js. It keeps nothing and changes
// nothing else.

const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

// Pages and workers have to be isolated; whatever else they fetch only has to come from the page's own host, and goes past this worker.
const ISOLATED = ["document", "iframe", "worker"];

// What Kindling has of these, from its folder on. Other pages of the host may lie below that folder.
const OWN = /^(index\.html|load\.js|snippets\/.+)?$/;

self.addEventListener("install", () => self.skipWaiting());

// Takes the page that registered it, too, which then loads again.
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (ISOLATED.includes(request.destination) && isOwn(new URL(request.url))) {
    event.respondWith(isolated(request));
  }
});

function isOwn(url) {
  const folder = new URL(self.registration.scope);
  return url.origin === folder.origin && url.pathname.startsWith(folder.pathname) && OWN.test(url.pathname.slice(folder.pathname.length));
}

async function isolated(request) {
  const response = await fetch(request);
  // A redirect, which the browser follows with another request.
  if (response.type === "opaqueredirect") {
    return response;
  }
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(HEADERS)) {
    headers.set(name, value);
  }
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
