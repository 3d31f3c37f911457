//! Images on which there is nothing to see, and classes of one image over and over: both are signs of an export that went wrong.

use std::collections::BTreeMap;

use crate::decode::Raster;
use crate::{Dataset, Place};

/// An image all of whose pixels have one colour.
#[derive(Debug, Clone)]
pub(crate) struct Plain {
    /// Its index among the images that were read.
    pub index: usize,
    pub place: Place,
    pub is_black: bool,
}

/// Whether all pixels have one colour; then also whether that is black.
pub(crate) fn plain(raster: &Raster) -> Option<bool> {
    let mut pixels = raster.pixels.chunks_exact(raster.channels);
    let first = pixels.next()?;
    pixels.all(|pixel| pixel == first).then(|| first.iter().all(|&value| value == 0))
}

/// What is to be told of the training images, a line each.
pub(crate) fn notes(train: &Dataset, plain: &[Plain]) -> Vec<String> {
    let mut of_class = BTreeMap::<u32, usize>::new();
    for image in plain {
        *of_class.entry(train.label(image.index)).or_default() += 1;
    }
    let mut notes = Vec::new();
    if let Some(Plain { place, .. }) = plain.first() {
        let black = plain.iter().filter(|image| image.is_black).count();
        let black = if black > 0 { format!(", {black} of them black") } else { String::new() };
        let of_class: Vec<(&str, usize)> =
            of_class.iter().map(|(&label, &count)| (class(train, label), count)).collect();
        notes.push(format!(
            "{} of {} training images have one colour all over{black} ({}), e.g. {place}: there is nothing to learn from them",
            plain.len(),
            train.len(),
            listed(&of_class)
        ));
    }
    let repeated: Vec<(&str, usize)> = repeated(train)
        .into_iter()
        .filter(|(label, count)| of_class.get(label) != Some(count))
        .map(|(label, count)| (class(train, label), count))
        .collect();
    if !repeated.is_empty() {
        notes.push(format!("all training images of a class are equal to each other: {}", listed(&repeated)));
    }
    notes
}

/// The classes of several images that are all equal, with their number.
fn repeated(train: &Dataset) -> Vec<(u32, usize)> {
    let mut first: Vec<Option<usize>> = vec![None; train.classes().len()];
    let mut differs = vec![false; first.len()];
    for (index, &label) in train.labels().iter().enumerate() {
        let label = label as usize;
        match first[label] {
            None => first[label] = Some(index),
            Some(first) => differs[label] = differs[label] || train.image(index) != train.image(first),
        }
    }
    let counts = train.counts();
    (0..)
        .zip(counts)
        .zip(differs)
        .filter(|((_, count), differs)| *count > 1 && !differs)
        .map(|(class, _)| class)
        .collect()
}

fn class(train: &Dataset, label: u32) -> &str {
    &train.classes()[label as usize]
}

/// `3 of class `a`, 1 of class `b``, the first few.
fn listed(counts: &[(&str, usize)]) -> String {
    const SHOWN: usize = 5;
    let mut parts: Vec<String> =
        counts.iter().take(SHOWN).map(|(class, count)| format!("{count} of class `{class}`")).collect();
    if counts.len() > SHOWN {
        parts.push(format!("and those of {} classes more", counts.len() - SHOWN));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;

    fn told(images: &[(u32, [u8; 2])]) -> Vec<String> {
        let shape = Shape { height: 1, width: 2, channels: 1 };
        let pixels = images.iter().flat_map(|(_, pixels)| *pixels).collect();
        let labels = images.iter().map(|(label, _)| *label).collect();
        let train = Dataset::new("d", shape, pixels, labels, vec!["a".into(), "b".into()]).unwrap();
        let found = images.iter().enumerate().filter_map(|(index, (_, pixels))| {
            let raster = Raster { height: 1, width: 2, channels: 1, pixels: pixels.to_vec() };
            let place = Place::file(std::path::Path::new("x.png"));
            plain(&raster).map(|is_black| Plain { index, place, is_black })
        });
        notes(&train, &found.collect::<Vec<_>>())
    }

    #[test]
    fn images_of_one_colour_are_counted_by_class() {
        assert_eq!(told(&[(0, [1, 2]), (0, [2, 1]), (1, [5, 6])]), [""; 0]);
        assert_eq!(
            told(&[(0, [0, 0]), (0, [7, 7]), (0, [1, 2]), (1, [9, 9]), (1, [1, 2])]),
            [
                "3 of 5 training images have one colour all over, 1 of them black (2 of class `a`, 1 of class `b`), e.g. \
              `x.png`: there is nothing to learn from them"
            ]
        );
    }

    #[test]
    fn a_class_of_one_image_over_and_over_is_told() {
        assert_eq!(
            told(&[(0, [1, 2]), (0, [1, 2]), (1, [5, 6]), (1, [6, 5])]),
            ["all training images of a class are equal to each other: 2 of class `a`"]
        );
        // Told once: that they have one colour says it.
        assert_eq!(told(&[(0, [3, 3]), (0, [3, 3]), (1, [5, 6])]).len(), 1);
    }
}
