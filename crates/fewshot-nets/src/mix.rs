//! What one pass runs: a path, or a mix of several options with weights that collect gradients.
//!
//! A [`Path`] chooses, a [`Mix`] weighs. With α tracked by autodiff, the gradient of the loss by α is the signal of gradient-based
//! methods.

use burn::tensor::Tensor;
use fewshot_space::{Arch, Region};

/// What one forward pass runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// One architecture in all cells.
    Shared(Arch),
    /// One per cell, as the published code trains.
    PerCell(Vec<Arch>),
}

impl Path {
    /// The architecture of cell `index`.
    pub fn cell(&self, index: usize) -> &Arch {
        match self {
            Path::Shared(arch) => arch,
            Path::PerCell(archs) => &archs[index],
        }
    }

    pub(crate) fn archs(&self) -> &[Arch] {
        match self {
            Path::Shared(arch) => std::slice::from_ref(arch),
            Path::PerCell(archs) => archs,
        }
    }
}

/// What one mixed forward pass runs in every cell: one blend per decision of the space, in its order.
#[derive(Debug, Clone)]
pub struct Mix {
    /// One per decision.
    pub blends: Vec<Blend>,
}

/// What a decision contributes to the sum that it leads to.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one per decision and pass")]
pub enum Blend {
    /// One option as it is, unweighted and on all channels: the split decision of a sub-supernet.
    Only(usize),
    /// The sum of some terms. Other options are not run.
    Sum {
        /// Which options, with their weights.
        terms: Vec<Term>,
        /// Factor `[1]` of the whole sum (PC-DARTS' edge normalisation), 1 when absent.
        whole: Option<Tensor<1>>,
    },
}

/// `scale · option(x) + shift`.
#[derive(Debug, Clone)]
pub struct Term {
    /// Index of the option.
    pub option: usize,
    /// Its weight, `[1]`; tracked, when its gradient is wanted.
    pub scale: Tensor<1>,
    /// Added to every element, `[1]`. GDAS lets options that it does not run enter by it, with the value 0.
    pub shift: Option<Tensor<1>>,
}

impl Mix {
    /// Each decision of `region` with a choice runs the option of `arch` with weight 1; the same function as
    /// [`Path::Shared`], and on partial channels too. A decision that is inert in `arch` adds nothing. `one` is a 1 on the
    /// network's device.
    pub fn one_hot(region: &Region, arch: &Arch, one: &Tensor<1>) -> Mix {
        let blend = |(decision, is_active): (usize, bool)| {
            let option = arch.get(decision);
            match region.allowed(decision).len() {
                _ if !is_active => Blend::Sum { terms: Vec::new(), whole: None },
                0 | 1 => Blend::Only(option),
                _ => Blend::Sum { terms: vec![Term { option, scale: one.clone(), shift: None }], whole: None },
            }
        };
        Mix { blends: region.space().active(arch).into_iter().enumerate().map(blend).collect() }
    }

    /// The options that the mix runs, by decision.
    pub(crate) fn options(&self) -> impl Iterator<Item = (usize, Vec<usize>)> {
        self.blends.iter().enumerate().map(|(decision, blend)| match blend {
            Blend::Only(option) => (decision, vec![*option]),
            Blend::Sum { terms, .. } => (decision, terms.iter().map(|term| term.option).collect()),
        })
    }
}

/// What a body is asked to write.
#[derive(Debug, Clone, Copy)]
pub enum Route<'a> {
    /// A path.
    Path(&'a Path),
    /// A mix; only bodies that say that they mix are given one.
    Mix(&'a Mix),
}

impl Route<'_> {
    /// The architecture of cell `index`; the first options of a mix, which bodies that mix look up by [`Route::blend`].
    pub fn arch(&self, index: usize) -> Arch {
        match self {
            Route::Path(path) => path.cell(index).clone(),
            Route::Mix(mix) => {
                Arch::new(mix.options().map(|(_, options)| options.first().map_or(0, |&option| option as u8)).collect())
            }
        }
    }

    /// What a decision contributes in cell `index`.
    pub fn blend(&self, index: usize, decision: usize) -> Blend {
        match self {
            Route::Path(path) => Blend::Only(path.cell(index).get(decision)),
            Route::Mix(mix) => mix.blends[decision].clone(),
        }
    }
}
