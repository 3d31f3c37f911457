//! The machine as it is measured: threads and instruction set.

use fewshot_kernels::simd;

use super::args::MachineArgs;
use crate::commands::use_threads;
use crate::failure::Failure;

/// Sets threads and instruction set for the whole process: kernels and Burn's own operations all run on rayon's
/// global pool.
pub fn prepare(machine: &MachineArgs) -> Result<(), Failure> {
    use_threads(machine.threads.unwrap_or(0) as usize)?;
    if let Some(wanted) = machine.simd
        && !simd::set_level(Some(wanted.into()))
    {
        let has = simd::Level::available();
        return Err(Failure::Usage(format!("--simd {wanted:?}: this machine has only {has:?}").to_lowercase()));
    }
    Ok(())
}

/// Name of the instruction set that the kernels use.
pub fn simd_name() -> String {
    format!("{:?}", simd::level()).to_lowercase()
}
