//! What paths of a network make of held-out images.

use std::collections::HashMap;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_data::Batch;
use fewshot_guard::counted;
use fewshot_kernels as kernels;
use fewshot_space::Arch;
use serde::{Deserialize, Serialize};

use super::{EstimateError, Evaluation, Tally};
use crate::nets::{Calibration, Fingerprint, Net, NetError, NormMode, Path, to_vec};
use crate::run::Interrupt;
use crate::task::{Classification, Task};

/// Which statistics batch norms use while a network is scored.
///
/// A supernet's running statistics mix all its networks, so a single path scored with them is off. Batch statistics
/// are free of that but depend on the batch size; recalibration costs some forward passes per architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormPolicy {
    /// Statistics of each scoring batch, everywhere.
    Batch,
    /// Running statistics where the network keeps them, batch statistics elsewhere: the published protocol.
    Running,
    /// Statistics of some training batches on this very path.
    Recalibrated,
}

/// What a score is, of the images that it is made on. Higher is better; of a classification it is from 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The task's metric, as a score: of a classification the share of images whose likeliest class is the right one.
    #[default]
    Accuracy,
    /// e to the mean of [`Task::log_likelihood`]: of a classification the geometric mean of the probability that the right class is
    /// given. It also counts how sure the network is, so it tells networks apart that accuracy on few images does not.
    Likelihood,
    /// The same of the training images, before each update of the second half of a fine-tuning: how fast a network learns
    /// tells more of where it ends than how far it got (Ru et al., NeurIPS 2021, "Speedy performance estimation"). It
    /// costs no pass over held-out images. Only where networks are fine-tuned ([`super::FineTune`]); else it is the
    /// likelihood.
    Speed,
}

impl Measure {
    /// What a score is, in words, where networks take so many steps of their own.
    pub fn after(self, steps: usize) -> String {
        match (self, steps) {
            (Self::Accuracy, 0) => "accuracy".to_string(),
            (Self::Likelihood, 0) => "likelihood".to_string(),
            (Self::Accuracy, steps) => format!("accuracy after {}", counted(steps, "step")),
            (Self::Likelihood, steps) => format!("likelihood after {}", counted(steps, "step")),
            (Self::Speed, steps) => format!("speed of {}", counted(steps, "step")),
        }
    }

    /// What all scores were before there was a choice.
    pub(crate) fn before_there_was_a_choice() -> String {
        Self::Accuracy.after(0)
    }
}

/// Architectures scored together at most: each keeps the statistics of all its batch norms meanwhile.
const PART: usize = 256;
/// Bytes of feature maps that they hold at most, where fewer would hold less.
const MOST_BYTES: usize = 384 << 20;

/// The images to score on, on the device once and for all, and those to recalibrate with.
#[derive(Debug, Clone)]
pub struct ScoreSet {
    batches: Vec<(Tensor<4>, Vec<u32>)>,
    calibration: Vec<Tensor<4>>,
    images: u64,
    task: Arc<dyn Task>,
    interrupt: Interrupt,
}

impl ScoreSet {
    /// Moves batches to `device`, to tell classes apart. `calibration` holds training batches, used by
    /// [`NormPolicy::Recalibrated`] only.
    pub fn new(
        score: impl IntoIterator<Item = Batch>,
        calibration: impl IntoIterator<Item = Batch>,
        device: &Device,
    ) -> Self {
        let upload = |batch: Batch| {
            let images = Tensor::<4>::from_data(TensorData::new(batch.images, batch.shape), device);
            (images, batch.labels)
        };
        let batches: Vec<_> = score.into_iter().map(upload).collect();
        let images = batches.iter().map(|(_, labels)| labels.len() as u64).sum();
        let calibration = calibration.into_iter().map(|batch| upload(batch).0).collect();
        Self { batches, calibration, images, task: Arc::new(Classification::default()), interrupt: Interrupt::new() }
    }

    /// The same for another task.
    #[must_use]
    pub fn for_task(self, task: Arc<dyn Task>) -> Self {
        Self { task, ..self }
    }

    /// What networks are judged for.
    pub fn task(&self) -> &Arc<dyn Task> {
        &self.task
    }

    /// The same, whose scoring stops when it is asked to.
    #[must_use]
    pub fn stopped_by(self, interrupt: &Interrupt) -> Self {
        Self { interrupt: interrupt.clone(), ..self }
    }

    /// Images scored per architecture.
    pub fn images(&self) -> u64 {
        self.images
    }

    /// The task's metric of whatever makes answers `[batch, numbers]` of images `[batch, height, width, channels]`.
    ///
    /// # Errors
    /// When there are no images, or `answers` fails.
    pub fn metric_of(
        &self,
        mut answers: impl FnMut(Tensor<4>) -> Result<Tensor<2>, NetError>,
    ) -> Result<f64, EstimateError> {
        if self.images == 0 {
            return Err(EstimateError::NoImages);
        }
        let mut sum = 0.0;
        for (images, labels) in &self.batches {
            let values = finite(&answers(images.clone())?)
                .ok_or_else(|| EstimateError::NotFinite("the mixed network".to_string()))?;
            sum += self.task.measure(&values, labels);
        }
        Ok(sum / self.images as f64)
    }

    /// The task's metric of `arch` in `net`.
    ///
    /// # Errors
    /// When the architecture lies outside the net's region, or there are no images.
    pub fn metric(&self, net: &mut Net, arch: &Arch, policy: NormPolicy) -> Result<f64, EstimateError> {
        Ok(self.metrics(net, std::slice::from_ref(arch), policy)?[0])
    }

    /// The task's metric of each of `archs` in `net`.
    ///
    /// # Errors
    /// As [`ScoreSet::scores`].
    pub fn metrics(&self, net: &mut Net, archs: &[Arch], policy: NormPolicy) -> Result<Vec<f64>, EstimateError> {
        self.means(net, archs, policy, Measure::Accuracy)
    }

    /// Score of each of `archs` in `net`, of which the higher is the better: the same bits as one by one, and sooner, since what
    /// neighbours have in common is computed once.
    ///
    /// # Errors
    /// When an architecture lies outside the net's region, its logits are no numbers, or there are no images to score on or, where
    /// the policy needs them, to recalibrate with.
    pub fn scores(
        &self,
        net: &mut Net,
        archs: &[Arch],
        policy: NormPolicy,
        measure: Measure,
    ) -> Result<Vec<f64>, EstimateError> {
        let mut means = self.means(net, archs, policy, measure)?;
        let score = |mean: f64| match measure {
            Measure::Accuracy => self.task.metric().score(mean),
            Measure::Likelihood | Measure::Speed => mean.exp(),
        };
        means.iter_mut().for_each(|mean| *mean = score(*mean));
        Ok(means)
    }

    /// Per architecture, the mean over all images of what `measure` is made of.
    fn means(
        &self,
        net: &mut Net,
        archs: &[Arch],
        policy: NormPolicy,
        measure: Measure,
    ) -> Result<Vec<f64>, EstimateError> {
        if self.images == 0 {
            return Err(EstimateError::NoImages);
        }
        let mut means = vec![0.0; archs.len()];
        for part in different(net, archs)?.chunks(PART) {
            let paths: Vec<Path> = part.iter().map(|equals| Path::Shared(archs[equals[0]].clone())).collect();
            let sums = kernels::on_kernel_threads(|| self.sums(net, &paths, policy, measure))?;
            for (equals, sum) in part.iter().zip(sums) {
                equals.iter().for_each(|&index| means[index] = sum / self.images as f64);
            }
        }
        Ok(means)
    }

    /// What `arch` in `net` makes of each class, with running statistics, where labels are classes; `top1` is the accuracy.
    ///
    /// # Errors
    /// As [`ScoreSet::metric`].
    pub fn evaluate(&self, net: &mut Net, arch: &Arch, classes: &[String]) -> Result<Evaluation, EstimateError> {
        if self.images == 0 {
            return Err(EstimateError::NoImages);
        }
        let path = Path::Shared(arch.clone());
        let mut tally = Tally::new(classes.len());
        for (images, labels) in &self.batches {
            self.interrupt.check()?;
            let logits = kernels::on_kernel_threads(|| net.score(images.clone(), &path, NormMode::Running, None))?;
            let values = finite(&logits).ok_or_else(|| not_finite(net, arch))?;
            tally.add(&values, labels);
        }
        Ok(tally.finish(classes))
    }

    /// Per path, the sum over all images of what `measure` is the mean of.
    fn sums(
        &self,
        net: &mut Net,
        paths: &[Path],
        policy: NormPolicy,
        measure: Measure,
    ) -> Result<Vec<f64>, EstimateError> {
        let (Some((first, _)), false) = (self.batches.first(), paths.is_empty()) else { return Ok(Vec::new()) };
        let [batch, height, width, channels] = first.dims();
        let graph = net.shared([height, width, channels], paths)?;
        if graph.peak_bytes(batch) > MOST_BYTES && paths.len() > 1 {
            // Neighbours have most in common, so that little is computed twice.
            let (left, right) = paths.split_at(paths.len() / 2);
            let mut sums = self.sums(net, left, policy, measure)?;
            sums.extend(self.sums(net, right, policy, measure)?);
            return Ok(sums);
        }
        let mut calibration = Calibration::default();
        let mode = match policy {
            NormPolicy::Batch => NormMode::Batch,
            NormPolicy::Running => NormMode::Running,
            NormPolicy::Recalibrated if self.calibration.is_empty() => return Err(EstimateError::NoCalibration),
            NormPolicy::Recalibrated => {
                for images in &self.calibration {
                    let goes_on = |_, _| self.interrupt.check().map_err(EstimateError::from);
                    net.score_shared(&graph, images.clone(), NormMode::Collect, Some(&mut calibration), goes_on)?;
                }
                NormMode::Calibrated
            }
        };
        let mut sums = vec![0.0; paths.len()];
        for (images, labels) in &self.batches {
            let mut not_finite = None;
            net.score_shared(&graph, images.clone(), mode, Some(&mut calibration), |place, logits| {
                self.interrupt.check()?;
                let Some(values) = finite(&logits) else {
                    not_finite.get_or_insert(place);
                    return Ok(());
                };
                sums[place] += match measure {
                    Measure::Accuracy => self.task.measure(&values, labels),
                    Measure::Likelihood | Measure::Speed => self.task.log_likelihood(&values, labels),
                };
                Ok::<_, EstimateError>(())
            })?;
            if let Some(place) = not_finite {
                return Err(self::not_finite(net, paths[place].cell(0)));
            }
        }
        Ok(sums)
    }
}

/// Logits on the host, row by row; `None` where one is no number, as after a training that diverged: no class is the likeliest
/// then.
fn finite(logits: &Tensor<2>) -> Option<Vec<f32>> {
    Some(to_vec(logits)).filter(|values| values.iter().all(|value| value.is_finite()))
}

fn not_finite(net: &Net, arch: &Arch) -> EstimateError {
    EstimateError::NotFinite(net.region().space().format(arch))
}

/// Positions of architectures that compute the same in `net`, together; sorted by their options, so that neighbours have much in
/// common, from the input on.
pub(crate) fn different(net: &Net, archs: &[Arch]) -> Result<Vec<Vec<usize>>, NetError> {
    let mut different: HashMap<Fingerprint, Vec<usize>> = HashMap::new();
    for (index, arch) in archs.iter().enumerate() {
        different.entry(net.computation(arch)?).or_default().push(index);
    }
    let mut different: Vec<Vec<usize>> = different.into_values().collect();
    different.sort_unstable_by_key(|equals| (archs[equals[0]].options(), equals[0]));
    Ok(different)
}
