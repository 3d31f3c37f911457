//! Which preset a published comparison is, at which scale.

use std::collections::BTreeSet;

use clap::ValueEnum;
use fewshot_nas::experiments::series_names;
use fewshot_space::suggest;

use crate::args::Scale;
use crate::failure::Failure;

/// The preset of a comparison, at this scale or at the smallest that it has, and what to say of that choice.
///
/// # Errors
/// When it has no such scale, or there is no such comparison.
pub fn comparison(
    name: &str,
    scale: Option<Scale>,
    presets: &[&'static str],
) -> Result<(String, Option<String>), Failure> {
    let there = |preset: &String| presets.contains(&preset.as_str()) && preset.contains('-');
    let at = |scale: &Scale| format!("{name}-{}", scale.name());
    let scales = scale.as_ref().map_or(Scale::value_variants(), std::slice::from_ref);
    if let Some((scale_taken, preset)) = scales.iter().map(|scale| (scale, at(scale))).find(|(_, preset)| there(preset))
    {
        let is_larger = scale.is_none() && *scale_taken != Scale::Smoke;
        let told =
            is_larger.then(|| format!("the smallest scale that `{name}` has is taken: --scale {}", scale_taken.name()));
        return Ok((preset, told));
    }
    // One for all.
    let whole = Some(name.to_string()).filter(there);
    let has_scales = Scale::value_variants().iter().map(at).any(|preset| there(&preset));
    match (whole, has_scales, scale) {
        (Some(whole), false, None) => Ok((whole, None)),
        (Some(whole), false, Some(_)) => {
            let told = format!("--scale changed nothing: `{name}` is of one size");
            Ok((whole, Some(told)))
        }
        (_, _, scale) => Err(Failure::Usage(no_comparison(name, scale.map_or("", Scale::name), presets))),
    }
}

/// Why there is no such preset: the scale is missing, or the name is wrong.
fn no_comparison(name: &str, scale: &str, presets: &[&'static str]) -> String {
    let scales = Scale::value_variants().iter().map(|scale| scale.name());
    let scales = scales.filter(|scale| presets.contains(&format!("{name}-{scale}").as_str()));
    let scales: Vec<String> = scales.map(|scale| format!("--scale {scale}")).collect();
    if !scales.is_empty() {
        return format!("`{name}` has no scale `{scale}`, only {}", scales.join(" and "));
    }
    let named = |preset: &&'static str| {
        let ends = Scale::value_variants().iter().map(|scale| format!("-{}", scale.name()));
        ends.fold(*preset, |name, end| name.strip_suffix(end.as_str()).unwrap_or(name))
    };
    let names = presets.iter().filter(|preset| preset.contains('-')).map(named);
    let names: BTreeSet<&str> = names.chain(series_names()).collect();
    format!("no comparison `{name}`, {}", suggest::hint(name, names))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use fewshot_nas::experiments::preset_names;

    use super::*;
    use crate::args::Args;

    #[test]
    fn a_comparison_without_a_scale_is_the_smallest_that_there_is() {
        let presets = preset_names();
        let found = |name: &str, scale| comparison(name, scale, &presets);
        let (preset, told) = found("tuned", None).unwrap();
        assert_eq!(preset, "tuned-laptop");
        assert!(told.unwrap().contains("--scale laptop"));
        assert_eq!(found("transfer", None).unwrap().0, "transfer-laptop");
        assert_eq!(found("gradient", None).unwrap(), ("gradient-smoke".to_string(), None));
        assert_eq!(found("gradient", Some(Scale::Paper)).unwrap(), ("gradient-paper".to_string(), None));
        assert_eq!(found("cifar10-final", None).unwrap(), ("cifar10-final".to_string(), None));
        let (preset, told) = found("cell1296-truth", Some(Scale::Paper)).unwrap();
        assert_eq!((preset.as_str(), told.unwrap().contains("--scale changed nothing")), ("cell1296-truth", true));
        let refused = |name: &str, scale| found(name, scale).unwrap_err().to_string();
        assert_eq!(refused("transfer", Some(Scale::Smoke)), "`transfer` has no scale `smoke`, only --scale laptop");
        assert_eq!(refused("tunde", None), "no comparison `tunde`, did you mean `tuned`?");
        // A preset with its scale, and one that is no comparison.
        assert!(found("gradient-smoke", Some(Scale::Smoke)).is_ok() && found("images", None).is_err());
    }

    #[test]
    fn the_help_names_every_comparison() {
        let command = Args::command();
        let reproduce = command.find_subcommand("reproduce").unwrap();
        let help = reproduce.get_positionals().next().unwrap().get_help().unwrap().to_string();
        let named: BTreeSet<&str> = help.split([' ', ',', ';', ':', '(', '\n']).collect();
        assert!(series_names().all(|name| named.contains(name)), "{help}");
        for preset in preset_names().into_iter().filter(|preset| preset.contains('-')) {
            let ends = Scale::value_variants().iter().map(|scale| format!("-{}", scale.name()));
            let name = ends.fold(preset, |name, end| name.strip_suffix(end.as_str()).unwrap_or(name));
            assert!(named.contains(name), "{name} is not in: {help}");
        }
    }
}
