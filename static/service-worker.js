// Keeps the page for visits without a connection, and isolates it from other origins where the host does not (isolate.js).
//
// `cargo xtask build` puts the list of the build's files before this script (xtask/src/offline.rs):
//
//     BUILD = { name, page: { path: SHA-256 }, engines: { name: { digest, files: { path: SHA-256 } } } }
//
// So every build has a service worker of its own, which keeps the files of this build alone, checks each, and gives the page no others: two builds
// are never mixed. The worker of a new build fetches all of it before it counts as installed, then waits until no page uses the one before, or until
// the only page asks it to take over (offline.js). Null stands for a list while engines are still being built; then nothing is kept.

const { scope } = self.registration;

// Caches belong to the whole host, which may have more than one Kindling.
const FAMILY = `kindling-page ${scope} `;
const NAME = FAMILY + BUILD?.name;

// Kept last: where it is, all of the page is.
const LAST = "index.html";

const ISOLATING = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

// Pages and workers have to be isolated; whatever else they fetch only has to come from the page's own host.
const ISOLATED = ["document", "iframe", "worker"];

// What Kindling has of these. Other pages of the host may lie below its folder.
const OWN = /^(index\.html|load\.js|snippets\/.+)$/;

// Where a kept file states its SHA-256.
const DIGEST = "Kindling-Digest";

self.addEventListener("install", (event) => event.waitUntil(install()));

self.addEventListener("activate", (event) => event.waitUntil(removeOthers().catch(() => {})));

self.addEventListener("message", (event) => {
  const { keep, take } = event.data;
  if (keep && BUILD) {
    // The next visit continues where this one fails.
    event.waitUntil(keepBuild(keep).catch(() => {}));
  }
  if (take) {
    event.waitUntil(takeOver(event.ports[0]));
  }
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = pathOf(request.url);
  const digest = BUILD && digestOf(path);
  if (request.method === "GET" && (digest || (ISOLATED.includes(request.destination) && OWN.test(path)))) {
    event.respondWith(answer(request, path, digest));
  }
});

async function answer(request, path, digest) {
  if (digest && (await kept(LAST))) {
    return (await kept(path)) ?? downloadAndKeep(path, digest);
  }
  const response = await fetch(request);
  // A redirect is followed by the browser, with another request.
  return ISOLATED.includes(request.destination) && response.type !== "opaqueredirect" ? isolated(response) : response;
}

async function install() {
  const before = await cachesBefore().catch(() => []);
  if (before.length === 0) {
    // No page has anything from a worker that could be mixed with this build. It is kept once a page asks for it.
    await self.skipWaiting();
  } else if (BUILD) {
    await keepBuild(await enginesOf(before)).catch(withoutRoom);
  }
}

// Where there is no room for two builds, this one is kept once the one before is gone. Otherwise visitors would keep the old one for ever.
async function withoutRoom(error) {
  await caches.delete(NAME);
  if (error.name !== "QuotaExceededError") {
    throw error;
  }
}

// Lets this worker replace the one before, and answers whether it does: not while other windows show the page.
async function takeOver(port) {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const isOnly = windows.filter(({ url }) => url.startsWith(scope)).length === 1;
  port.postMessage(isOnly);
  if (isOnly) {
    await self.skipWaiting();
  }
}

// Keeps the page and these engines. Fails if the host has another build meanwhile.
async function keepBuild(engines) {
  // Whatever becomes of a GPU, the CPU is there.
  const wanted = engines.some((name) => name.startsWith("engine_cpu")) ? engines : [...engines, "engine_cpu"];
  const files = [...wanted.map((name) => BUILD.engines[name]?.files ?? {}), BUILD.page].flatMap(Object.entries);
  const cache = await caches.open(NAME);
  for (const [path, digest] of files.filter(([path]) => path !== LAST)) {
    await keepFile(cache, path, digest);
  }
  await keepFile(cache, LAST, BUILD.page[LAST]);
}

async function keepFile(cache, path, digest) {
  if (!(await cache.match(addressOf(path)))) {
    await cache.put(addressOf(path), (await keptBefore(path, digest)) ?? (await download(path, digest)));
  }
}

// An engine that the page did not use so far.
async function downloadAndKeep(path, digest) {
  const response = await download(path, digest);
  const copy = response.clone();
  // The page gets the file even where there is no room for it.
  caches.open(NAME).then((cache) => cache.put(addressOf(path), copy)).catch(() => {});
  return response;
}

async function download(path, digest) {
  const engine = Object.values(BUILD.engines).find(({ files }) => path in files);
  // As load.js asks for it, so that the browser need not fetch it twice.
  const address = engine ? `${addressOf(path)}?digest=${engine.digest}` : addressOf(path);
  // The browser's own cache may hold a file of another build.
  for (const cache of ["default", "reload"]) {
    const response = await fetch(address, { cache });
    const bytes = await response.arrayBuffer();
    if ((await sha256(bytes)) === digest) {
      const headers = new Headers(response.headers);
      // They describe the file on its way.
      headers.delete("Content-Encoding");
      headers.delete("Content-Length");
      headers.set(DIGEST, digest);
      return isolated(new Response(bytes, { headers }));
    }
  }
  throw new Error(`the host's ${path} is not that of this build`);
}

function isolated(response) {
  const { body, status, statusText } = response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(ISOLATING)) {
    headers.set(name, value);
  }
  return new Response(body, { status, statusText, headers });
}

// A kept file of this build. Undefined also where the browser keeps nothing.
function kept(path) {
  return caches.match(addressOf(path), { cacheName: NAME }).catch(() => undefined);
}

// The same file, kept for another build.
async function keptBefore(path, digest) {
  for (const cacheName of await cachesBefore()) {
    const response = await caches.match(addressOf(path), { cacheName });
    if (response?.headers.get(DIGEST) === digest) {
      return response;
    }
  }
  return undefined;
}

// The engines that visitors have used.
async function enginesOf(before) {
  const used = [];
  for (const name of Object.keys(BUILD.engines)) {
    for (const cacheName of before) {
      if (await caches.match(addressOf(`${name}.js`), { cacheName })) {
        used.push(name);
      }
    }
  }
  return used;
}

async function cachesBefore() {
  return (await caches.keys()).filter((name) => name.startsWith(FAMILY) && name !== NAME);
}

async function removeOthers() {
  for (const name of await cachesBefore()) {
    await caches.delete(name);
  }
}

function digestOf(path) {
  const lists = [BUILD.page, ...Object.values(BUILD.engines).map(({ files }) => files)];
  return lists.find((files) => Object.hasOwn(files, path))?.[path];
}

// A path from the page's folder on. A query sets up the page or names the digest of an engine; it selects no file.
function pathOf(address) {
  const [folder, { origin, pathname }] = [new URL(scope), new URL(address)];
  const isOwn = origin === folder.origin && pathname.startsWith(folder.pathname);
  return isOwn ? pathname.slice(folder.pathname.length) || LAST : "";
}

function addressOf(path) {
  return new URL(path, scope).href;
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
