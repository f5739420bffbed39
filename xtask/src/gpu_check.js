// Where the journeys expect a page's functions.
import init, { check } from "./gpu_check.js";

// What every WebGPU device offers, and no more: a kernel that needs more is refused here, too.
const LEAST = {
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
    maxComputeWorkgroupStorageSize: 16_384,
    maxStorageBuffersPerShaderStage: 8,
};

const { get } = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "limits");
Object.defineProperty(GPUAdapter.prototype, "limits", {
    get() {
        return new Proxy(get.call(this), { get: (limits, name) => LEAST[name] ?? Reflect.get(limits, name) });
    },
});

await init();
window.kindling = { check };
