//! What stages of experiments are made of: trainings that go on where they were cut, several of them side by side, networks
//! trained alone and kept as models, small states.
//!
//! All of it works on a [`Lab`](crate::lab::Lab) and inside a stage's folder, and knows no kind of experiment.

mod alone;
mod halving;
mod hunting;
mod keeper;
mod models;
mod pieces;
mod predicting;
mod shards;
mod state;
mod tested;
mod timing;
mod training;

pub use alone::{AUGMENTED, UNSEEN};
pub(crate) use alone::{Length, MOST_HELD, network, parse_trained, train_on_all, train_several, train_to, trained_net};
pub use halving::Reached;
pub(crate) use halving::{Course, Decided, Entrant, Rung, halve, race, rungs};
pub(crate) use hunting::{Caught, Quest, Scored, asked_for, hunt, scored_anew};
pub(crate) use keeper::{Keeper, position};
pub(crate) use models::{Measured, keep, keep_untested, test_and_keep};
pub(crate) use pieces::{Piecework, side_by_side};
pub use predicting::Predicting;
pub(crate) use predicting::{Counters, Lesson, learn, load_predictor, pairs_done};
pub(crate) use shards::Shards;
pub(crate) use state::{load_json, remembered, save_json, slug, value};
pub use tested::NetworkRow;
pub(crate) use tested::{Network, train_and_test};
pub(crate) use timing::{
    BRIEFLY, EpochSeconds, MOST_EPOCHS, Passed, REST, about, affordable_epochs, alone_epoch_seconds, duration, fill,
    fit_warmup, seconds_per_step, short, step_of, timing, unneeded,
};
pub use training::Trained;
pub(crate) use training::{
    CHECKPOINT, Phase, load, load_from, run_in, steps_done, take_over, tell_failures, train, train_phases,
    training_stage,
};
