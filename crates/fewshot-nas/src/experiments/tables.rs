//! Tables of settings laid over each other.

use toml::{Table, Value};

/// Lays one table over another: tables in them are merged, all else is replaced.
pub fn merge(base: &mut Table, layer: Table) {
    for (key, value) in layer {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(over)) => merge(inner, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}
