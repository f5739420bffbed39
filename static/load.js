// Starts a wasm module, in the page and in a worker alike: load.js?js=NAME.js&digest=DIGEST starts NAME.js with
// NAME_bg.wasm.
//
// The digest of an engine's content is part of both URLs. The file names are the same in every build, so without it the browser's cache could
// combine a new page with an old engine, or a script with a wasm of another build.
const here = new URL(import.meta.url);
const name = here.searchParams.get("js") ?? "";
const digest = here.searchParams.get("digest");

function address(file) {
  const url = new URL(file, here);
  if (digest) {
    url.searchParams.set("digest", digest);
  }
  return url;
}

/** The wasm module's response. A host that answers with a page for what is missing must not have that page taken for a program. */
async function program(url) {
  const response = await fetch(url);
  if (!response.ok || /^text\/html\b/i.test(response.headers.get("Content-Type") ?? "")) {
    throw new Error(`${url.pathname} is missing on the server: it answered ${response.status}, ${response.headers.get("Content-Type")}`);
  }
  return response;
}

try {
  if (!/^[\w-]+\.js$/.test(name)) {
    throw new Error(`load.js?js=NAME.js expects a script of the same folder, not "${name}"`);
  }
  // In the page, isolate.js may be about to load it again; then nothing starts. A worker has no such promise.
  const [{ default: start }] = await Promise.all([import(address(name)), globalThis.kindlingIsolation]);
  await start({ module_or_path: program(address(name.replace(/\.js$/, "_bg.wasm"))) });
} catch (error) {
  // In a worker this reaches the page as the worker's `error` event; a rejected module would be silent there.
  reportError(error);
  // In the page, starting.js says it where the visitor sees it.
  globalThis.kindlingStuck?.();
}
