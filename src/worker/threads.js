// The engine's threads: workers inside the engine's own, with its module and its memory. This file is the engine's side of them, and the script
// of each.

// A worker that nothing refers to may be collected: https://bugzilla.mozilla.org/show_bug.cgi?id=1702191.
const threads = [];

// Starts a thread for each port, and resolves to how many answer in time. One that comes later ends by itself; see threads.rs.
export async function startThreads(ports, script, module, memory, build, limitMs) {
    const late = new Promise((resolve) => setTimeout(resolve, limitMs, false));
    const answers = ports.map((port) => Promise.race([startThread({ port, script, module, memory, build }), late]));
    return (await Promise.all(answers)).filter(Boolean).length;
}

function startThread(start) {
    return new Promise((resolve) => {
        const thread = new Worker(import.meta.url, { type: "module", name: THREAD });
        threads.push(thread);
        thread.onmessage = () => resolve(true);
        thread.onerror = (event) => {
            // Otherwise it would end the engine, too.
            event.preventDefault();
            resolve(false);
        };
        thread.postMessage(start, [start.port]);
    });
}

const THREAD = "kindling-thread";

if (globalThis.name === THREAD) {
    globalThis.onmessage = ({ data }) => run(data).catch(reportError);
}

async function run({ port, script, module, memory, build }) {
    const { initSync, runThread } = await import(script);
    initSync({ module, memory });
    postMessage("started");
    try {
        // Returns only in a thread that came too late.
        runThread();
    } catch (error) {
        // To the page, since the engine may be waiting for this thread, which never answers again.
        port.postMessage({ build, lastWords: String(error?.message ?? error) });
    }
    close();
}
