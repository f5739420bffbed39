// Watches WebGPU from below burn: what the adapter is, what goes wrong, and how many calls are made.

// Calls since the worker began; a benchmark reads them through the worker's global scope.
const counters = { dispatches: 0, submits: 0, bufferWrites: 0, shaderModules: 0, pipelines: 0 };

const ADAPTER_LIMIT_MS = 10_000;
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|warp/i;

// What a worker sees of WebGPU: { missing } or { adapter, isSoftware, maxBufferBytes }.
export async function probe() {
    if (!navigator.gpu) {
        return { missing: "this browser offers no WebGPU to workers" };
    }
    const late = new Promise((resolve) => setTimeout(resolve, ADAPTER_LIMIT_MS, "late"));
    const adapter = await Promise.race([navigator.gpu.requestAdapter({ powerPreference: "high-performance" }), late]);
    if (!adapter || adapter === "late") {
        return { missing: adapter ? "the browser does not answer whether there is a GPU" : "the browser offers no GPU" };
    }
    // burn's runtime panics at its first kernel without it.
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

// Calls `onFailure(kind, message)` for whatever the GPU refuses from now on. wgpu neither reads the compiler's messages nor tells
// a shader that was refused from one that was fast.
export function watch(onFailure) {
    globalThis.__kindlingGpuCounters = counters;

    wrap(GPUAdapter, "requestDevice", async function (original, args) {
        const device = await original.apply(this, args);
        device.addEventListener("uncapturederror", (event) => {
            const isMemory = event.error instanceof GPUOutOfMemoryError;
            onFailure(isMemory ? "memory" : "error", event.error.message);
            // wgpu would panic.
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

// Some of the kernels that tuning tries use subgroups. wgpu does not ask the browser for that feature, and the browser then refuses
// them; others call a subgroup operation where the browser cannot prove that all take part, though they do. The page starts the
// engine that tunes only where the adapter has subgroups.
export function allowSubgroups() {
    wrap(GPUAdapter, "requestDevice", function (original, [descriptor]) {
        const requiredFeatures = [...(descriptor?.requiredFeatures ?? [])];
        if (this.features.has("subgroups") && !requiredFeatures.includes("subgroups")) {
            requiredFeatures.push("subgroups");
        }
        return original.call(this, { ...descriptor, requiredFeatures });
    });
    wrap(GPUDevice, "createShaderModule", function (original, [descriptor]) {
        const code = `diagnostic(off, subgroup_uniformity);\n${descriptor.code}`;
        return original.call(this, { ...descriptor, code });
    });
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
