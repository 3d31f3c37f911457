//! What users say to `sbatch` themselves.

use crate::spread::SpreadError;

/// The option that says which tasks an array has, and how many run at once.
const ARRAY: &str = "array";

/// Arguments of the user's, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    /// Those that are handed on as they are.
    pub(super) words: Vec<String>,
    /// How many tasks of an array run at once (`--array=%4`); `None`: as many as the cluster lets.
    pub(super) at_once: Option<u32>,
}

impl Arguments {
    /// Those in `words`. Which tasks an array has follows from the run, so `--array`, in each of the forms that `sbatch` knows, may only say
    /// how many of them run at once.
    ///
    /// # Errors
    /// [`SpreadError::Argument`] for one that says something else.
    pub(super) fn read(words: &[String]) -> Result<Self, SpreadError> {
        let mut arguments = Self { words: Vec::new(), at_once: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let Some(value) = array(word) else {
                arguments.words.push(word.clone());
                continue;
            };
            let value = value.or_else(|| words.next().map(String::as_str)).unwrap_or_default();
            let at_once = value.strip_prefix('%').and_then(|number| number.parse().ok()).filter(|number| *number > 0);
            arguments.at_once = Some(at_once.ok_or_else(|| SpreadError::Argument {
                argument: format!("--{ARRAY}={value}"),
                problem: String::from(
                    "which tasks there are follows from the run's stages; say only how many run at once (`--array=%4`)",
                ),
            })?);
        }
        Ok(arguments)
    }
}

/// Whether a word is `--array`, shortened as `sbatch` lets it be, or `-a`: then with the value that it has, or none where that follows.
fn array(word: &str) -> Option<Option<&str>> {
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
        // Of one letter it could be `--account`.
        return (name.len() > 1 && ARRAY.starts_with(name)).then_some(value);
    }
    let value = word.strip_prefix("-a")?;
    Some(Some(value).filter(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Arguments, SpreadError> {
        Arguments::read(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn how_many_tasks_run_at_once_is_taken_and_the_rest_handed_on() {
        for text in ["--array=%4", "--array %4", "-a %4", "-a%4", "--arr=%4", "--array=%9 --ar %4"] {
            let arguments = read(&format!("--account=a {text} -A b --acctg-freq=1")).unwrap();
            assert_eq!(arguments.words, ["--account=a", "-A", "b", "--acctg-freq=1"], "{text}");
            assert_eq!(arguments.at_once, Some(4), "{text}");
        }
        assert_eq!(read("--mem=4G").unwrap().at_once, None);
        for text in ["--array=0-9%4", "-a 0-9", "--array", "--array=%0", "--array=%x"] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("--array=%4") && error.contains("follows from the run"), "{error}");
        }
    }
}
