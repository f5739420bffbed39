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

try {
  if (!/^[\w-]+\.js$/.test(name)) {
    throw new Error(`load.js?js=NAME.js expects a script of the same folder, not "${name}"`);
  }
  // In the page, isolate.js may be about to load it again; then nothing starts. A worker has no such promise.
  const [{ default: start }] = await Promise.all([import(address(name)), globalThis.kindlingIsolation]);
  await start({ module_or_path: address(name.replace(/\.js$/, "_bg.wasm")) });
} catch (error) {
  // In a worker this reaches the page as the worker's `error` event; a rejected module would be silent there.
  reportError(error);
}
