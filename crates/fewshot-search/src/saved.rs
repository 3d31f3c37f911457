//! The common frame of saved states: which search a state belongs to.

use fewshot_space::{Region, RegionSpec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SearchError;

/// A strategy's own data, with what it must not be mixed up with.
#[derive(Serialize, Deserialize)]
struct Saved<T> {
    strategy: String,
    region: RegionSpec,
    seed: u64,
    data: T,
}

/// Frames `data`. A value that JSON cannot hold (there is none among the strategies) gives null,
/// which [`unframe`] refuses.
pub(super) fn frame<T: Serialize>(strategy: &str, region: &Region, seed: u64, data: T) -> Value {
    let saved = Saved { strategy: strategy.to_owned(), region: region.spec(), seed, data };
    serde_json::to_value(saved).unwrap_or(Value::Null)
}

/// The data in a state, if the state is of this search.
pub(super) fn unframe<T: DeserializeOwned>(
    state: &Value,
    strategy: &'static str,
    region: &Region,
    seed: u64,
) -> Result<T, SearchError> {
    let refuse = |problem| SearchError::State { strategy, problem };
    let saved: Saved<Value> = Saved::deserialize(state).map_err(|error| refuse(format!("it is damaged ({error})")))?;
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
