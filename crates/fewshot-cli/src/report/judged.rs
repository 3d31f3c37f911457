//! What networks are judged by, in the words of their task.

use fewshot_nas::experiments::metric;

/// What a column is headed by, as numbers in the metric's unit: `test accuracy, %` on `test` images.
pub fn heading(images: &str) -> String {
    format!("{images} {}", metric().heading())
}

/// The same without the unit, for values that have it.
pub fn name(images: &str) -> String {
    format!("{images} {}", metric().name)
}

/// As the beginning of a sentence.
pub fn title(images: &str) -> String {
    let text = name(images);
    let first: String = text.chars().take(1).flat_map(char::to_uppercase).collect();
    first + &text.chars().skip(1).collect::<String>()
}

/// A value in the metric's unit.
pub fn units(value: f64) -> f64 {
    metric().scale * value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_called_as_the_task_calls_them() {
        assert_eq!(
            (heading("test"), title("held-out")),
            ("test accuracy, %".to_string(), "Held-out accuracy".to_string())
        );
        assert_eq!((name("test"), units(0.5)), ("test accuracy".to_string(), 50.0));
    }
}
