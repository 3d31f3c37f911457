//! The common frame of saved states: which search a state belongs to.

use fewshot_space::{Region, RegionSpec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SearchError;

/// Version of the form of all states. One that changes its data raises it, and reads what is older.
const FORMAT: u32 = 1;

/// What states say that were written before they had a version.
fn first() -> u32 {
    1
}

/// A strategy's own data, with what it must not be mixed up with.
#[derive(Serialize, Deserialize)]
struct Saved<T> {
    #[serde(default = "first")]
    format: u32,
    strategy: String,
    region: RegionSpec,
    seed: u64,
    data: T,
}

/// The state of a search: a strategy's own `data`, with its name, region and seed, which [`unframe`] asks for. A value that JSON
/// cannot hold gives null, which [`unframe`] refuses.
pub fn frame<T: Serialize>(strategy: &str, region: &Region, seed: u64, data: T) -> Value {
    let saved = Saved { format: FORMAT, strategy: strategy.to_owned(), region: region.spec(), seed, data };
    serde_json::to_value(saved).unwrap_or(Value::Null)
}

/// The data in a [framed](frame) state, if the state is of this search. What the data say, such as whether an architecture is of the
/// region, is for the strategy to check.
///
/// # Errors
/// [`SearchError::State`] when the state is of another strategy, region or seed, of a newer format, or damaged.
pub fn unframe<T: DeserializeOwned>(
    state: &Value,
    strategy: &'static str,
    region: &Region,
    seed: u64,
) -> Result<T, SearchError> {
    let refuse = |problem| SearchError::State { strategy, problem };
    let saved: Saved<Value> = Saved::deserialize(state).map_err(|error| refuse(format!("it is damaged ({error})")))?;
    if saved.format > FORMAT {
        let problem = format!("its format is {}, this program knows {FORMAT}: use the newer program", saved.format);
        return Err(refuse(problem));
    }
    if saved.strategy != strategy {
        return Err(refuse(format!("it is of strategy {}", saved.strategy)));
    }
    if saved.seed != seed {
        return Err(refuse(format!("its seed is {}, not {seed}", saved.seed)));
    }
    if saved.region != region.spec() {
        return Err(refuse(format!(
            "it searches another region than {}: go on with the recipe that it was made with",
            region.label()
        )));
    }
    T::deserialize(saved.data).map_err(|error| refuse(format!("it is damaged ({error})")))
}

#[cfg(test)]
mod tests {
    use fewshot_space::Space;
    use serde_json::json;

    use super::*;

    #[test]
    fn states_say_their_format_and_newer_ones_are_refused_by_it() {
        let space: std::sync::Arc<dyn Space> = fewshot_rank::testing::space();
        let region = Region::full(space);
        let state = frame("rea", &region, 7, json!([1, 2]));
        let read = |state: &Value| unframe::<Value>(state, "rea", &region, 7);
        assert_eq!(read(&state).unwrap(), json!([1, 2]));
        // The first states did not say it.
        let mut first = state.clone();
        first.as_object_mut().unwrap().remove("format");
        assert_eq!(read(&first).unwrap(), json!([1, 2]));
        let mut newer = state;
        newer["format"] = json!(FORMAT + 1);
        assert!(read(&newer).unwrap_err().to_string().contains("use the newer program"));
    }
}
