//! Opens a device by its name, if this build includes it.

use std::str::FromStr;

#[cfg(any(feature = "vulkan", feature = "metal", feature = "cuda"))]
use burn::tensor::Device;
use kindling_core::protocol::EngineKind;
use kindling_core::runs::record::Environment;
use kindling_train::device::EngineDevice;

use crate::arguments::MachineArguments;
use crate::text::counted;
use crate::trouble::Trouble;

/// Every GPU that can train at all binds buffers of at least this size.
#[cfg(feature = "gpu")]
const MAX_BUFFER_BYTES: u64 = i32::MAX as u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceName {
    pub api: Api,
    /// Selects one of several GPUs.
    pub index: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    Flex,
    Wgpu,
    Vulkan,
    Metal,
    Cuda,
}

impl Api {
    const ALL: [(&'static str, Self); 5] = [
        ("flex", Self::Flex),
        ("wgpu", Self::Wgpu),
        ("vulkan", Self::Vulkan),
        ("metal", Self::Metal),
        ("cuda", Self::Cuda),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, api)| *api == self).map_or("", |(name, _)| *name)
    }
}

impl FromStr for DeviceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, index) = match text.split_once(':') {
            Some((name, index)) => {
                (name, Some(index.parse().map_err(|_| format!("{index} is not the number of a GPU"))?))
            }
            None => (text, None),
        };
        let api = Api::ALL.iter().find(|(known, _)| *known == name).map(|(_, api)| *api);
        let api = api.ok_or_else(|| format!("the devices are {}", Api::ALL.map(|(name, _)| name).join(", ")))?;
        if index.is_some() && api != Api::Cuda {
            return Err("only cuda takes a number, as in cuda:1".to_owned());
        }
        Ok(Self { api, index })
    }
}

/// Opens the device. Call once, before any tensor exists.
pub fn open(arguments: &MachineArguments) -> Result<EngineDevice, Trouble> {
    check_system(arguments.device.api)?;
    set_threads(arguments.threads)?;
    match arguments.device.api {
        Api::Flex => open_flex(),
        Api::Wgpu => open_wgpu(),
        Api::Vulkan => open_vulkan(),
        Api::Metal => open_metal(),
        Api::Cuda => open_cuda(arguments.device.index),
    }
}

/// Fails on a device that this operating system has in no build.
fn check_system(api: Api) -> Result<(), Trouble> {
    let (is_mac, name) = (cfg!(target_os = "macos"), api.name());
    match api {
        Api::Metal if !is_mac => {
            Err(Trouble::new(format!("{name} exists only on macOS: use --device wgpu or --device flex here.")))
        }
        Api::Cuda if is_mac => {
            Err(Trouble::new(format!("{name} does not exist on macOS: use --device wgpu or --device flex here.")))
        }
        Api::Flex | Api::Wgpu | Api::Vulkan | Api::Metal | Api::Cuda => Ok(()),
    }
}

/// Where a run is trained, for its record.
pub fn environment(arguments: &MachineArguments) -> Environment {
    let DeviceName { api, index } = arguments.device;
    let (engine, adapter) = match (api, index) {
        (Api::Flex, _) => (EngineKind::Cpu, format!("flex, {}", counted(n_threads(), "thread"))),
        (_, Some(index)) => (EngineKind::Gpu, format!("{}:{index}", api.name())),
        (_, None) => (EngineKind::Gpu, api.name().to_owned()),
    };
    Environment {
        engine: Some(engine),
        adapter,
        user_agent: format!("kindling on {} {}", std::env::consts::OS, std::env::consts::ARCH),
        build: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

#[cfg(feature = "rayon")]
fn set_threads(threads: Option<u16>) -> Result<(), Trouble> {
    // 0 stands for as many as there are cores. This thread computes, too, instead of waiting for the others.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0).into()).use_current_thread();
    pool.build_global().map_err(|error| Trouble::new(format!("The CPU's threads cannot be started: {error}.")))
}

#[cfg(not(feature = "rayon"))]
fn set_threads(threads: Option<u16>) -> Result<(), Trouble> {
    match threads {
        None | Some(1) => Ok(()),
        Some(_) => Err(not_built_in("more than one thread", "rayon")),
    }
}

#[cfg(feature = "rayon")]
fn n_threads() -> usize {
    rayon::current_num_threads()
}

#[cfg(not(feature = "rayon"))]
fn n_threads() -> usize {
    1
}

#[cfg(feature = "flex")]
fn open_flex() -> Result<EngineDevice, Trouble> {
    Ok(kindling_train::device::cpu::open())
}

#[cfg(feature = "wgpu")]
fn open_wgpu() -> Result<EngineDevice, Trouble> {
    Ok(futures_executor::block_on(kindling_train::device::gpu::open(MAX_BUFFER_BYTES))?)
}

#[cfg(feature = "vulkan")]
fn open_vulkan() -> Result<EngineDevice, Trouble> {
    Ok(gpu(Device::vulkan(burn::tensor::DeviceKind::DefaultDevice)))
}

#[cfg(feature = "metal")]
fn open_metal() -> Result<EngineDevice, Trouble> {
    Ok(gpu(Device::metal(burn::tensor::DeviceKind::DefaultDevice)))
}

#[cfg(feature = "cuda")]
fn open_cuda(index: Option<usize>) -> Result<EngineDevice, Trouble> {
    Ok(gpu(Device::cuda(index.unwrap_or_default())))
}

#[cfg(any(feature = "vulkan", feature = "metal", feature = "cuda"))]
fn gpu(device: Device) -> EngineDevice {
    EngineDevice { device, max_buffer_bytes: MAX_BUFFER_BYTES, memory_bytes: u64::MAX, compiles_kernels: true }
}

macro_rules! absent {
    ($($feature:literal: $open:ident($($argument:ident: $type:ty)?);)*) => {$(
        #[cfg(not(feature = $feature))]
        fn $open($($argument: $type)?) -> Result<EngineDevice, Trouble> {
            Err(not_built_in($feature, $feature))
        }
    )*};
}

absent! {
    "flex": open_flex();
    "wgpu": open_wgpu();
    "vulkan": open_vulkan();
    "metal": open_metal();
    "cuda": open_cuda(_index: Option<usize>);
}

#[allow(dead_code, reason = "a build with every feature lacks nothing")]
fn not_built_in(what: &str, feature: &str) -> Trouble {
    Trouble::new(format!(
        "This build of kindling lacks {what}: build it with `cargo build --release --package kindling-cli --features {feature}`."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_names_and_cuda_numbers() {
        let name = |text: &str| text.parse::<DeviceName>();
        assert_eq!(name("flex"), Ok(DeviceName { api: Api::Flex, index: None }));
        assert_eq!(name("cuda:1"), Ok(DeviceName { api: Api::Cuda, index: Some(1) }));
        for wrong in ["", "gpu", "cuda:", "cuda:x", "flex:1"] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }
}
