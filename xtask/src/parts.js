
// What follows is added by `cargo xtask build`.

// A part's bytes, from an answer of the host or from the shared parts.
async function bytesOf(source) {
    const found = await source;
    if (found instanceof ArrayBuffer) {
        return found;
    }
    if (!found.ok) {
        throw new Error(`${found.url}: ${found.status}`);
    }
    return found.arrayBuffer();
}

let shared;

// What several parts have in common lies in one file, a module whose sections are modules: one request instead of dozens.
function sharedPart(name) {
    shared ??= bytesOf(fetch(new URL("./shared.wasm", import.meta.url)))
        .then((bytes) => WebAssembly.compile(bytes))
        .catch((error) => {
            // The next who needs it asks again.
            shared = undefined;
            throw error;
        });
    return shared.then((module) => WebAssembly.Module.customSections(module, name)[0]);
}
