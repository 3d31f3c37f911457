//! `fewshot`: few-shot neural architecture search.
#![forbid(unsafe_code)]

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: fewshot_kernels::OneLine<mimalloc::MiMalloc> = fewshot_kernels::OneLine(mimalloc::MiMalloc);

fn main() -> ExitCode {
    fewshot_cli::main()
}
