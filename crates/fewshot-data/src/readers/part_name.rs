//! What the name of a folder, or of a class, says of the part of a data set that it may be.

/// Parts by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Train,
    Test,
    Validation,
    /// Images without labels, or that are to be left alone.
    Other,
    /// One of several pieces, such as the folds of a cross validation; only with a number.
    Piece,
}

/// How much of a name is the name of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Called {
    /// All of it, apart from words like `set` or `images`.
    Alone(Name),
    /// The same with a number or a year: `train2017`, `fold_1`.
    Numbered(Name),
    /// One word of several.
    Among(Name),
    /// None.
    No,
}

impl Called {
    /// The part that is meant, where one is; a piece is none by itself.
    pub fn part(self) -> Option<Name> {
        match self {
            Called::Alone(name) | Called::Numbered(name) | Called::Among(name) => {
                Some(name).filter(|name| *name != Name::Piece)
            }
            Called::No => None,
        }
    }

    /// Whether it is `name` and nothing else, but for a number.
    pub fn is(self, name: Name) -> bool {
        self == Called::Alone(name) || self == Called::Numbered(name)
    }

    /// Whether it is the name of a part and nothing else, but for a number.
    pub fn is_part(self) -> bool {
        matches!(self, Called::Alone(_) | Called::Numbered(_))
    }
}

const TRAIN: [&str; 3] = ["train", "training", "trn"];
const TEST: [&str; 4] = ["test", "testing", "tests", "tst"];
const VALIDATION: [&str; 7] = ["val", "valid", "validation", "validate", "dev", "eval", "evaluation"];
const OTHER: [&str; 7] = ["pred", "prediction", "predict", "unlabeled", "unlabelled", "unsup", "extra"];
/// Words that say nothing about which part it is.
const FILLERS: [&str; 13] =
    ["set", "sets", "data", "dataset", "images", "image", "imgs", "img", "split", "part", "folder", "files", "photos"];
/// Words for one of several pieces, where a number says which.
const PIECES: [&str; 4] = ["fold", "part", "partition", "split"];

/// What `name` is called.
pub(crate) fn called(name: &str) -> Called {
    let lower = name.to_ascii_lowercase();
    let pieces = lower.split(|letter: char| !letter.is_alphanumeric()).flat_map(|word| {
        // A number needs nothing before it: `train2017`.
        let letters = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
        [letters, &word[letters.len()..]]
    });
    let is_number = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    let (numbers, words): (Vec<&str>, Vec<&str>) = pieces.filter(|piece| !piece.is_empty()).partition(is_number);
    let part = |word: &str| {
        let plain = FILLERS.iter().find_map(|filler| word.strip_suffix(filler)).filter(|rest| !rest.is_empty());
        [Some(word), plain].into_iter().flatten().find_map(|word| match word {
            word if TRAIN.contains(&word) => Some(Name::Train),
            word if TEST.contains(&word) => Some(Name::Test),
            word if VALIDATION.contains(&word) => Some(Name::Validation),
            word if OTHER.contains(&word) => Some(Name::Other),
            _ => None,
        })
    };
    let telling: Vec<&&str> = words.iter().filter(|word| !FILLERS.contains(*word)).collect();
    let is_piece =
        || words.iter().any(|word| PIECES.contains(word)) && telling.iter().all(|word| PIECES.contains(*word));
    match (telling.as_slice(), words.iter().find_map(|word| part(word)), numbers.is_empty()) {
        ([only], Some(name), true) if part(only).is_some() => Called::Alone(name),
        ([only], Some(name), false) if part(only).is_some() => Called::Numbered(name),
        (_, Some(name), _) => Called::Among(name),
        (_, None, false) if is_piece() => Called::Numbered(Name::Piece),
        (_, None, _) => Called::No,
    }
}

/// What to say of classes that are all called as parts of a data set are.
pub(crate) fn doubt(classes: &[String]) -> Option<String> {
    let all = classes.len() > 1 && classes.iter().all(|class| called(class).is_part());
    all.then(|| {
        format!(
            "the classes are called as parts of a data set are ({}): if they are parts, the classes are elsewhere, and the network \
             learns to tell the parts apart; give images with one folder a class, or `train` and `test` with such folders",
            few(classes)
        )
    })
}

/// The first few of the names, for people.
pub(super) fn few(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 3;
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{}`", name.as_ref())).collect();
    if names.len() > SHOWN {
        shown.push("..".to_owned());
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_are_known_with_numbers_and_without() {
        for (names, expected) in [
            (&["train", "Training", "training_set", "train_images", "trainset"][..], Called::Alone(Name::Train)),
            (&["train2017", "train_2017", "2017-train", "trainset2", "Train 1"], Called::Numbered(Name::Train)),
            (&["val2023", "valid1", "dev_2"], Called::Numbered(Name::Validation)),
            (&["test1", "tst-3"], Called::Numbered(Name::Test)),
            (&["fold1", "fold_10", "part_0", "split1", "Fold 3 images", "data_part_2"], Called::Numbered(Name::Piece)),
            (&["seg_train", "seg_train2"], Called::Among(Name::Train)),
            (&["fold", "part", "split", "1", "2023", "blindfold1", "cat2", "partial_1", "part_b_1", "mp3"], Called::No),
        ] {
            for name in names {
                assert_eq!(called(name), expected, "{name}");
            }
        }
    }

    #[test]
    fn classes_that_are_all_called_as_parts_are_doubted() {
        let doubt = |names: &[&str]| doubt(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert!(doubt(&["fold1", "fold2", "fold3", "fold4"]).unwrap().contains("(`fold1`, `fold2`, `fold3`, ..)"));
        assert!(doubt(&["train", "val"]).is_some());
        for names in [&["fold1", "cat"][..], &["0", "1"], &["train"], &["train station", "test tube"]] {
            assert_eq!(doubt(names), None, "{names:?}");
        }
    }
}
