//! What goes through a network at once.

/// Images and labels that go through a network together.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Normalised pixels, `[images, height, width, channels]`.
    pub images: Vec<f32>,
    /// Images, height, width, channels.
    pub shape: [usize; 4],
    /// One label an image, an index into the classes of the data set: that of the image itself, whatever was mixed into it.
    pub labels: Vec<u32>,
    /// Of which classes the images are, and how much, if others were mixed into them ([`CutMix`](crate::CutMix),
    /// [`MixUp`](crate::MixUp)): then a loss must be against [`targets`](Batch::targets). Empty if each image is wholly of its
    /// label, as it is without these.
    ///
    /// In the order of the images. The shares of an image add up to 1; a class may come more than once.
    pub mixed: Vec<Share>,
}

/// A part of an image's target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Which image of the batch.
    pub image: usize,
    /// The class, an index into those of the data set.
    pub class: u32,
    /// How much of the target it is, 0 to 1.
    pub share: f32,
}

impl Batch {
    /// How much each image is of each of the `classes`, `[images, classes]`; each row adds up to 1.
    ///
    /// # Panics
    /// If a label or a class is not below `classes`, the number of the data set's classes.
    pub fn targets(&self, classes: usize) -> Vec<f32> {
        let mut targets = vec![0.0; self.labels.len() * classes];
        let mut add = |image: usize, class: u32, share: f32| {
            assert!((class as usize) < classes, "class {class} of {classes}");
            targets[image * classes + class as usize] += share;
        };
        if self.mixed.is_empty() {
            self.labels.iter().enumerate().for_each(|(image, &label)| add(image, label, 1.0));
        } else {
            self.mixed.iter().for_each(|&Share { image, class, share }| add(image, class, share));
        }
        targets
    }
}
