// Wraps WebGPU below burn: reports the adapter and its errors, and counts the calls.

// Calls since the worker started. Benchmarks read them from the worker's global scope.
const counters = { dispatches: 0, submits: 0, bufferWrites: 0, shaderModules: 0, pipelines: 0 };

const ADAPTER_LIMIT_MS = 10_000;
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|warp/i;

// Returns { missing } if the worker has no usable WebGPU, else { adapter, isSoftware, maxBufferBytes }.
export async function probe() {
    if (!navigator.gpu) {
        return { missing: "this browser offers no WebGPU to workers" };
    }
    const late = new Promise((resolve) => setTimeout(resolve, ADAPTER_LIMIT_MS, "late"));
    const adapter = await Promise.race([navigator.gpu.requestAdapter({ powerPreference: "high-performance" }), late]);
    if (!adapter || adapter === "late") {
        return { missing: adapter ? "the browser does not answer whether there is a GPU" : "the browser offers no GPU" };
    }
    // Without it, burn's runtime panics at its first kernel.
    if (!adapter.features.has("timestamp-query")) {
        return { missing: "the GPU's driver has no timestamp queries" };
    }
    const info = adapter.info ?? {};
    const words = [info.vendor, info.architecture, info.device, info.description].filter(Boolean);
    const isFallback = info.isFallbackAdapter ?? adapter.isFallbackAdapter ?? false;
    return {
        adapter: info.description || words.join(" ") || "unnamed",
        isSoftware: isFallback || SOFTWARE.test(words.join(" ")),
        maxBufferBytes: Math.min(adapter.limits.maxBufferSize, adapter.limits.maxStorageBufferBindingSize),
    };
}

// Calls `onFailure(kind, message)` for every later GPU error. wgpu does not read the compiler's messages, and cannot distinguish a shader
// that was refused from one that was fast.
export function watch(onFailure) {
    globalThis.__kindlingGpuCounters = counters;

    wrap(GPUAdapter, "requestDevice", async function (original, args) {
        const device = await original.apply(this, args);
        device.addEventListener("uncapturederror", (event) => {
            const isMemory = event.error instanceof GPUOutOfMemoryError;
            onFailure(isMemory ? "memory" : "error", event.error.message);
            // Otherwise wgpu panics.
            event.stopImmediatePropagation();
        });
        device.lost.then((info) => onFailure("lost", info.message || info.reason));
        return device;
    });

    wrap(GPUDevice, "createShaderModule", function (original, args) {
        counters.shaderModules += 1;
        const module = original.apply(this, args);
        module.getCompilationInfo().then((info) => {
            const error = info.messages.find((message) => message.type === "error");
            if (error) {
                onFailure("error", `a shader was refused: ${error.message} (line ${error.lineNum})`);
            }
        });
        return module;
    });

    count(GPUDevice, "createComputePipeline", "pipelines");
    count(GPUDevice, "createComputePipelineAsync", "pipelines");
    count(GPUQueue, "submit", "submits");
    count(GPUQueue, "writeBuffer", "bufferWrites");
    count(GPUComputePassEncoder, "dispatchWorkgroups", "dispatches");
    count(GPUComputePassEncoder, "dispatchWorkgroupsIndirect", "dispatches");
}

function wrap(type, method, replacement) {
    const original = type.prototype[method];
    type.prototype[method] = function (...args) {
        return replacement.call(this, original, args);
    };
}

function count(type, method, counter) {
    wrap(type, method, function (original, args) {
        counters[counter] += 1;
        return original.apply(this, args);
    });
}
