//! Experiments of kind `gan`: generators of images, found one-shot and few-shot, and what they are worth.
//!
//! The parent's search trains a shared generator and discriminator level by level. Each part, one per option of the decisions that the
//! recipe splits on, starts from them and searches on within itself. What all parts keep is scored again, each by the generator of its
//! own part, on the same latent numbers. The best are trained alone from scratch, beside the best of the parent, of a one-shot search
//! that had as many iterations as parent and parts together, and random ones.

mod bench;
mod derived;
mod finish;
mod given;
mod judging;
pub(super) mod recipe;
pub(super) mod result;
mod searches;
mod setup;
mod summary;

pub(super) use given::check_files;
pub use recipe::{ControlsRecipe, DerivedRecipe, GanRecipe, JudgeRecipe};
pub use result::{
    Candidate, DerivedRow, GanResult, JudgeFacts, OriginDifference, OriginRow, RankedNetwork, RankingFacts, SearchRow,
};
pub(super) use setup::{Gan, with_its_images, without_classes};
pub use summary::ORIGINS;
