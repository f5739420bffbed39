
// `cargo xtask build` appends the code below.

// The bytes of a part, from a response or from the shared file.
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

// Code that several parts share is in one file, a module whose custom sections are modules: one request instead of dozens.
function sharedPart(name) {
    shared ??= bytesOf(fetch(new URL("./shared.wasm", import.meta.url)))
        .then((bytes) => WebAssembly.compile(bytes))
        .catch((error) => {
            // The next caller fetches it again.
            shared = undefined;
            throw error;
        });
    return shared.then((module) => WebAssembly.Module.customSections(module, name)[0]);
}
