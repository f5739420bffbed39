// Reports a panic as plain text, because an engine whose wasm has trapped can no longer encode an event.
export function watch(build) {
    self.addEventListener("unhandledrejection", (event) => {
        const reason = event.reason;
        self.postMessage({ build, lastWords: String(reason?.message ?? reason) });
    });
}

// A port for each of the engine's threads, through which its last words reach the page while the engine waits for it.
export function portsOfThreads(build, count) {
    const channels = Array.from({ length: count }, () => new MessageChannel());
    const ports = channels.map(({ port1 }) => port1);
    self.postMessage({ build, ports }, ports);
    return channels.map(({ port2 }) => port2);
}

// A macrotask without the 4 ms that browsers add to nested timeouts.
const { port1, port2 } = new MessageChannel();
const waiting = [];
port2.onmessage = () => waiting.shift()();

export function macrotask() {
    return new Promise((resolve) => {
        waiting.push(resolve);
        port1.postMessage(null);
    });
}
