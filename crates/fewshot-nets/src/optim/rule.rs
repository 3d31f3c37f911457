//! How one parameter moves.

use burn::tensor::Tensor;

/// How one parameter moves.
pub trait Rule: std::fmt::Debug + Send + Sync {
    /// Names of what is kept for each parameter, in files the prefixes of its name.
    fn slots(&self) -> &'static [&'static str];

    /// What each of these is before the first update.
    fn starts(&self) -> &'static [f64];

    /// Whether [`Step::count`] matters, so that it has to be kept for each parameter.
    fn counts(&self) -> bool {
        false
    }

    /// The new value of a parameter. `kept` has a place per slot, empty before the first update.
    fn update(&self, value: Tensor<1>, gradient: Tensor<1>, kept: &mut [Option<Tensor<1>>], step: &Step) -> Tensor<1>;
}

/// Of one update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Learning rate, 0 or more.
    pub lr: f64,
    /// L2 penalty that is added to the gradient, 0 or more.
    pub weight_decay: f64,
    /// Updates of this parameter so far, this one included.
    pub count: u64,
}

/// Any of the rules, chosen when the program runs.
impl Rule for Box<dyn Rule> {
    fn slots(&self) -> &'static [&'static str] {
        self.as_ref().slots()
    }

    fn starts(&self) -> &'static [f64] {
        self.as_ref().starts()
    }

    fn counts(&self) -> bool {
        self.as_ref().counts()
    }

    fn update(&self, value: Tensor<1>, gradient: Tensor<1>, kept: &mut [Option<Tensor<1>>], step: &Step) -> Tensor<1> {
        self.as_ref().update(value, gradient, kept, step)
    }
}
