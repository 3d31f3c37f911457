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
        if settings.insert(key.clone(), value.ok_or_else(refused)?).is_some() {
            return Err(Failure::Usage(format!("--set {key} is given more than once: say one value for it")));
        }
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_given_once() {
        let given_as = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            given("nasbench201", &SettingsArgs { pairs })
        };
        assert_eq!(given_as(&[("width", "4"), ("cells", "1")]).unwrap().len(), 2);
        let refused = given_as(&[("width", "4"), ("cells", "1"), ("width", "8")]).unwrap_err().to_string();
        assert!(refused.starts_with("--set width is given more than once"), "{refused}");
    }
}
