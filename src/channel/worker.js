// Last words: an engine whose wasm has trapped can no longer encode an event.
export function watch(build) {
    self.addEventListener("unhandledrejection", (event) => {
        const reason = event.reason;
        self.postMessage({ build, lastWords: String(reason?.message ?? reason) });
    });
}
