
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

const shared = new Map();

// Code that several parts share is in few files, modules whose custom sections are modules: a request each instead of dozens.
function sharedPart(file, name) {
    if (!shared.has(file)) {
        const module = bytesOf(fetch(new URL(file, import.meta.url))).then((bytes) => WebAssembly.compile(bytes));
        // After a failure the next caller fetches it again.
        module.catch(() => shared.delete(file));
        shared.set(file, module);
    }
    return shared.get(file).then((module) => WebAssembly.Module.customSections(module, name)[0]);
}
