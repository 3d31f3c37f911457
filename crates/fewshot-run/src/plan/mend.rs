//! Making again what stages published, and what is lost or damaged since.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::json;

use super::super::atomic::write_json;
use super::super::checked::Checked;
use super::super::done::{Done, Sums, files_of, is_intact};
use super::super::error::RunError;
use super::super::folder::RunFolder;
use super::super::interrupt::Interrupt;
use super::super::plan_file::DONE;
use super::super::progress::{Progress, StageEnd};
use super::super::reader::RunReader;
use super::{Place, Plan};

/// What the stages of a run that are done published.
struct Published {
    /// What each of them left, by its position.
    done: BTreeMap<usize, Done>,
    /// The files of each of them with their checksums, where those are known.
    files: BTreeMap<usize, BTreeMap<String, Option<String>>>,
    /// Whose each file is: it is as the last of several stages left it.
    last: BTreeMap<String, usize>,
}

impl Plan<'_> {
    /// Runs the stages once more whose published files are no longer as they left them.
    pub(super) fn mend(&self, run: &RunFolder, interrupt: &Interrupt, progress: &dyn Progress) -> Result<(), RunError> {
        let mut left = self.left(run)?;
        let mut rewritten = BTreeSet::new();
        for &index in &self.order {
            let lost = left.lost(index, &rewritten, run)?;
            if let Some(done) = left.done.remove(&index).filter(|_| !lost.is_empty()) {
                rewritten.extend(self.make_again(index, done, &lost, run, interrupt, progress)?.into_keys());
            }
        }
        Ok(())
    }

    fn left(&self, run: &RunReader) -> Result<Published, RunError> {
        let (mut done, mut files, mut last) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for &index in &self.order {
            let Some(found) = self.done(index, run)? else { continue };
            let own = files_of(&found, &self.stages[index].publishes);
            last.extend(own.keys().map(|name| (name.clone(), index)));
            files.insert(index, own);
            done.insert(index, found);
        }
        Ok(Published { done, files, last })
    }

    /// Runs a stage that left `done` once more, for the files that are lost. The files that it wrote.
    fn make_again(
        &self,
        index: usize,
        done: Done,
        lost: &[String],
        run: &RunFolder,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<Sums, RunError> {
        let info = self.info(index);
        let name = info.name;
        let lost: Vec<String> = lost.iter().map(|file| format!("`{file}`")).collect();
        progress.line(&format!("{} is lost or damaged: stage `{name}` makes it again", lost.join(", ")));
        let began = Instant::now();
        let again = self.work(index, run, &Place::alone(run, info), interrupt, progress)?;
        let files = again.published.clone().unwrap_or_default();
        // The value stays: others were made from it.
        let again = Done { value: done.value, ..again };
        write_json(&run.stage_folder(info.number, name).join(DONE), &Checked(again))?;
        run.events_log().write(Some(name), "mended", json!(lost))?;
        progress.stage_finished(info, StageEnd::Done { seconds: began.elapsed().as_secs_f64() });
        Ok(files)
    }
}

impl Published {
    /// The files of a stage that are not as it left them, or that a stage before it has `rewritten` since.
    fn lost(&self, index: usize, rewritten: &BTreeSet<String>, run: &RunReader) -> Result<Vec<String>, RunError> {
        let mut lost = Vec::new();
        for (name, sum) in self.files.get(&index).into_iter().flatten() {
            let is_own = self.last.get(name) == Some(&index);
            if is_own && (rewritten.contains(name) || !is_intact(run, name, sum.as_deref())?) {
                lost.push(name.clone());
            }
        }
        Ok(lost)
    }
}
