//! Where tensors live.

use burn::tensor::Device;
use fewshot_space::suggest;

/// A device that this program does not have.
#[derive(Debug, thiserror::Error)]
#[error("no device `{name}` in this build, {hint} GPU devices need a build with `--features {name}`")]
pub struct UnknownDevice {
    name: String,
    hint: String,
}

/// Names of the devices that this build knows; `cpu` always.
pub fn names() -> Vec<&'static str> {
    let mut names = vec!["cpu"];
    for (name, built) in
        [("vulkan", cfg!(feature = "vulkan")), ("metal", cfg!(feature = "metal")), ("cuda", cfg!(feature = "cuda"))]
    {
        if built {
            names.push(name);
        }
    }
    names
}

/// The device called `name`.
///
/// # Errors
/// When this build has no such device.
pub fn by_name(name: &str) -> Result<Device, UnknownDevice> {
    match name {
        "cpu" => Ok(Device::flex()),
        #[cfg(feature = "vulkan")]
        "vulkan" => Ok(Device::vulkan(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(feature = "metal")]
        "metal" => Ok(Device::metal(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(feature = "cuda")]
        "cuda" => Ok(Device::cuda(0_usize)),
        _ => Err(UnknownDevice { name: name.to_string(), hint: suggest::hint(name, names()) }),
    }
}
