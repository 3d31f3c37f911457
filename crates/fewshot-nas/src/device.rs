//! Where tensors live.

use burn::tensor::Device;
use fewshot_space::suggest;

/// A device that this program does not have.
#[derive(Debug, thiserror::Error)]
#[error("no device `{name}` in this build{advice}")]
pub struct UnknownDevice {
    name: String,
    advice: String,
}

/// Devices that a build may have besides the processor, and whether this one has it.
const OTHERS: [(&str, bool); 3] =
    [("vulkan", cfg!(feature = "vulkan")), ("metal", cfg!(feature = "metal")), ("cuda", cfg!(feature = "cuda"))];

/// Names of the devices that this build knows; `cpu` always.
pub fn names() -> Vec<&'static str> {
    ["cpu"].into_iter().chain(OTHERS.into_iter().filter(|(_, built)| *built).map(|(name, _)| name)).collect()
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
        _ => Err(UnknownDevice { name: name.to_string(), advice: advice(name) }),
    }
}

/// What to do where there is no device of this name.
fn advice(name: &str) -> String {
    match OTHERS.iter().any(|(other, _)| *other == name) {
        true => format!(": there are {}. It needs a build with `--features {name}`", names().join(", ")),
        false => format!(", {}", suggest::hint(name, names())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_not_there_is_told_with_what_to_do() {
        let told = |name: &str| by_name(name).unwrap_err().to_string();
        if !cfg!(feature = "vulkan") {
            let there = names().join(", ");
            let expected = format!(
                "no device `vulkan` in this build: there are {there}. It needs a build with `--features vulkan`"
            );
            assert_eq!(told("vulkan"), expected);
        }
        assert_eq!(told("cpuu"), "no device `cpuu` in this build, did you mean `cpu`?");
    }
}
