//! A run that several processes share, on one machine or on many that see the same folder.
//!
//! ```text
//! RUN/attempts/               there once a run was spread
//!   NN-name/K.json            claim of attempt K on the stage: who holds it, a counter that moves while he lives
//!   NN-name/K/                what attempt K writes; becomes stages/NN-name when it is whole
//!   NN-name/K/events.jsonl    what happened in it, and in those that it went on from
//!   NN-name/K/published/      files that belong in the run's folder, until the attempt has ended well
//!   driver/K.json             claim of who submits the jobs of a cluster
//!   instructions/NAME         with which all who share the run compute
//!   stop                      asks all who work on the run to save and stop
//! ```
//!
//! The unit of work is a stage. What is relied on: a file that is made exclusively is made by one process, and renaming a file
//! or folder within a file system is atomic. Locks of the file system are only an aid (processes of one machine see sooner
//! that somebody else has the whole run), clocks of different machines are never compared, and modification times neither.
//!
//! - **Claim.** Attempt K belongs to who made `K.json`; it is the latest as long as there is no `K+1.json`, which may be made
//!   when attempt K stopped, failed and is to be tried again, or is dead: its process is known to have ended on this machine,
//!   or its counter has not moved for [`Patience::stale`] by the watcher's own clock. Of several that see a dead one, exclusive
//!   creation lets one through.
//! - **Two attempts at once**, as when a machine was out of reach for a while, write to folders of their own. One that finds a
//!   later claim, or no claim at all, stops. The first to rename its folder to `stages/NN-name` has done the stage: a folder
//!   cannot take the place of one that has something in it. What the other one did is dropped.
//! - **Going on.** An attempt begins with what the latest before it left: moved where that one has surely ended, copied where it
//!   may live.
//! - **Clocks.** Each attempt has its own event file; a run's time is the sum over them, so it is that of all machines together.

mod attempt;
mod claim;
mod driving;
mod error;
mod holder;
mod layout;
mod member;
mod session;
mod state;
mod stop;
mod work;

pub use claim::{Claimed, Patience, Standing};
pub use error::SpreadError;
pub use holder::Holder;
pub use member::{Attempted, Member};
pub use session::begin_session;
pub use state::{StageState, StageStatus, Survey};
pub use stop::{ask_to_stop, is_asked_to_stop};
pub use work::Work;

pub(super) use attempt::release;
pub(super) use driving::Driving;
pub(super) use layout::{STAGE_EVENTS, event_files, names};
