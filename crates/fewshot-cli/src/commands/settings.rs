//! Settings of a family, given as texts.

use fewshot_nas::experiments::ExperimentError;
use fewshot_nas::families::{self, Settings};
use serde_json::Value;

use crate::args::SettingsArgs;
use crate::failure::Failure;

/// What was given of the settings of `space`, each as the kind of value that the family has there by default.
pub fn given(space: &str, args: &SettingsArgs) -> Result<Settings, Failure> {
    let known = families::settings(space).map_err(ExperimentError::from)?;
    let mut settings = Settings::new();
    for (key, text) in &args.pairs {
        let Some(default) = known.get(key) else {
            let problem = families::no_setting(key, &known);
            return Err(Failure::Usage(format!("--set {key}: the space {space} has {problem}")));
        };
        let value = match default {
            Value::String(_) => Some(Value::from(text.clone())),
            Value::Bool(_) => text.parse::<bool>().ok().map(Value::from),
            Value::Number(number) if number.is_u64() => text.parse::<u64>().ok().map(Value::from),
            _ => text.parse::<f64>().ok().map(Value::from),
        };
        let refused = || Failure::Usage(format!("--set {key}={text}: give a value like {default}"));
        settings.insert(key.clone(), value.ok_or_else(refused)?);
    }
    Ok(settings)
}
