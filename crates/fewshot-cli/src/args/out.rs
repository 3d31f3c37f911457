//! Where commands write to.

use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};

/// A file or folder to write to. `-`, which stands for standard output in other programs, is taken for nothing: who means a file of that
/// name says so.
pub fn place() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path: PathBuf| match path.as_os_str() == "-" {
        true => Err("name a file or folder (./- for one of this name); standard output is /dev/stdout"),
        false => Ok(path),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Args;

    #[test]
    fn a_dash_is_no_name_anywhere() {
        for command in [
            &["search"][..],
            &["train", "--arch", "x"],
            &["reproduce", "tuned"],
            &["report", "run"],
            &["export", "run", "--format", "onnx"],
            &["generate", "run"],
            &["man"],
        ] {
            let with = |out: &str| Args::try_parse_from(["fewshot"].iter().chain(command).chain(&["--out", out]));
            let refused = with("-").unwrap_err().to_string();
            assert!(refused.contains("standard output is /dev/stdout"), "{refused}");
            assert!(with("./-").is_ok() && with("/dev/stdout").is_ok(), "{command:?}");
        }
    }
}
