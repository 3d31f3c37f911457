//! What a search for generators ends with.

use serde::{Deserialize, Serialize};

use crate::adversarial::judge::{Form, Judgement};
use crate::adversarial::{EvaluationRecord, IterationRecord, Reset};
use crate::experiments::mean_spread::MeanSpread;
use crate::latency::NetworkLatency;

/// Share of held-out images that a judge should tell rightly at least: one that knows the images badly has poor features.
const LEAST_ACCURACY: f64 = 0.75;

/// The result of a run of kind `gan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GanResult {
    /// The space.
    pub space: String,
    /// The architecture of the generator that is kept: the one whose images are nearest to real ones.
    pub arch: String,
    /// How it was found; of chance's, nothing found it. Absent in older results.
    #[serde(default)]
    pub found_by: String,
    /// The seed of its training.
    #[serde(default)]
    pub training_seed: u64,
    /// What its images are worth.
    pub judgement: Judgement,
    /// Multiply-adds per image of the generator.
    pub macs: u64,
    /// Its trainable parameters.
    pub params: u64,
    /// Its latency on this machine, one thread; absent unless that was limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<NetworkLatency>,
    /// Who judged.
    pub judge: JudgeFacts,
    /// Each search.
    pub searches: Vec<SearchRow>,
    /// What was kept of all parts together, best first.
    pub pooled: Vec<Candidate>,
    /// What each way to find generators is worth, over all that were trained alone.
    #[serde(default)]
    pub origins: Vec<OriginRow>,
    /// By how much the generators of few-shot searches differ from the others.
    #[serde(default)]
    pub differences: Vec<OriginDifference>,
    /// Each generator that was trained alone.
    pub derived: Vec<DerivedRow>,
    /// How well shared generators order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<RankingFacts>,
    /// Working time of all processes of the run.
    pub seconds: f64,
    /// The run's seed.
    pub seed: u64,
}

/// One way to find a generator: the best evaluations of all that were found so, over networks and seeds of their trainings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OriginRow {
    /// One of [`ORIGINS`](crate::experiments::ORIGINS).
    pub found_by: String,
    /// Trainings of such generators.
    pub trainings: usize,
    /// Distances.
    pub distance: MeanSpread,
    /// The lowest of them.
    pub best_distance: f64,
    /// Scores.
    pub score: MeanSpread,
    /// The highest of them.
    pub best_score: f64,
}

/// By how much the generators of few-shot searches differ from others, as means over the networks of each seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OriginDifference {
    /// What is subtracted, one of [`ORIGINS`](crate::experiments::ORIGINS).
    pub from: String,
    /// Seeds of trainings that both have.
    pub seeds: usize,
    /// Distance of the few-shot ones minus that of the others: below 0 where they are nearer to real images.
    pub distance: f64,
    /// Its 95 % interval over the seeds, of two or more.
    pub distance_interval: Option<[f64; 2]>,
    /// Score minus score, likewise: above 0 where theirs is better.
    pub score: f64,
    /// Its interval.
    pub score_interval: Option<[f64; 2]>,
}

/// The network that judged. Numbers of different ones cannot be compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgeFacts {
    /// What its score and its distance are called.
    pub names: [String; 2],
    /// SHA-256 of it.
    pub digest: String,
    /// Numbers per image.
    pub features: usize,
    /// Whether it was given, and not trained in the run.
    #[serde(default)]
    pub given: bool,
    /// Share of images that it was not trained on which it tells rightly, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// What real training images are worth.
    pub training: Judgement,
    /// What real test images are worth: no generator should be better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Judgement>,
}

impl GanResult {
    /// How the kept generator was found, in words; `None` in older results.
    pub fn kept_how(&self) -> Option<String> {
        Some(match self.found_by.as_str() {
            "" => return None,
            // No search found it.
            "random" if self.searches.is_empty() => {
                "drawn at random to compare with: none that was given came as near to real images".into()
            }
            "random" => "drawn at random to compare with: no search found one as near to real images".into(),
            "given" => "given".into(),
            found_by => format!("found {found_by}"),
        })
    }

    /// Whether a generator that was trained alone is the kept one.
    pub fn is_kept(&self, row: &DerivedRow) -> bool {
        (&row.found_by, &row.arch, row.seed) == (&self.found_by, &self.arch, self.training_seed)
    }
}

/// What is said of a judge that tells so many of the images rightly which it was not trained on, where that is too few.
pub fn doubt(accuracy: f64) -> Option<String> {
    (accuracy < LEAST_ACCURACY).then(|| {
        format!(
            "the judge tells only {:.1} % of images that it was not trained on rightly (under {:.0} %): its scores and distances say little about \
             images; train it for longer (standalone.train.epochs), on more images, or give a better one (gan.judge.model)",
            100.0 * accuracy,
            100.0 * LEAST_ACCURACY
        )
    })
}

impl JudgeFacts {
    /// Which Inception v3 it is, if it is one.
    fn form(&self) -> Option<Form> {
        [Form::Tensorflow, Form::Torchvision]
            .into_iter()
            .find(|form| form.names() == self.names.each_ref().map(String::as_str))
    }

    /// What it is, in words.
    pub fn about(&self) -> &'static str {
        match self.form() {
            Some(Form::Tensorflow) => "Inception v3 with the weights of published scores",
            Some(Form::Torchvision) => "Inception v3 with torchvision's weights",
            None if self.given => "a classifier that was given",
            None => "a classifier that was trained on these images",
        }
    }

    /// What its numbers may be compared with.
    pub fn comparable(&self) -> &'static str {
        match self.form() {
            Some(Form::Tensorflow) => {
                "comparable with published numbers of as many images, where the real images are the same ones"
            }
            Some(Form::Torchvision) => {
                "comparable with numbers by the same weights alone, which published ones are not"
            }
            None => {
                "proxies: comparable with each other alone, and neither with those of another judge nor with published ones"
            }
        }
    }

    /// What is to be doubted of its numbers.
    pub fn doubt(&self) -> Option<String> {
        self.accuracy.and_then(doubt)
    }

    /// The beginning of the digest: enough to tell judges apart.
    pub fn short_digest(&self) -> &str {
        self.digest.get(..12).unwrap_or(&self.digest)
    }
}

/// One search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchRow {
    /// `one-shot`, a part's region, or `equal cost`.
    pub name: String,
    /// Iterations at each level.
    pub iterations: Vec<u64>,
    /// The best of it, best first.
    pub best: Vec<Candidate>,
    /// Networks that were begun anew.
    pub resets: Vec<Reset>,
    /// A record per iteration.
    pub history: Vec<IterationRecord>,
}

/// An architecture and what a shared generator's images of it scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// As text.
    pub arch: String,
    /// Of the images.
    pub score: f64,
    /// The search whose generator it was, by its name.
    pub search: String,
}

/// A generator trained alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DerivedRow {
    /// How it was found: `one-shot`, `few-shot`, `equal cost`, `random`.
    pub found_by: String,
    /// As text.
    pub arch: String,
    /// Of the training.
    pub seed: u64,
    /// The evaluation with the lowest distance.
    pub best: EvaluationRecord,
    /// All of them.
    pub evaluations: Vec<EvaluationRecord>,
}

/// Scores by shared generators beside the distances of the same architectures trained alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankingFacts {
    /// The architectures, each with its distance after a short training alone, its score by the parent, and by the part that owns it.
    pub networks: Vec<RankedNetwork>,
    /// Kendall's tau-b of the parent's scores with nearness; absent where it is undefined.
    pub parent: Option<f64>,
    /// Of the parts' scores.
    pub parts: Option<f64>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankedNetwork {
    /// As text.
    pub arch: String,
    /// After a short training alone.
    pub distance: f64,
    /// By the parent.
    pub parent: f64,
    /// By the part that owns it, where there are parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(names: [&str; 2], accuracy: Option<f64>) -> JudgeFacts {
        let training = Judgement { score: 1.0, score_deviation: 0.0, distance: None, images: 2 };
        let names = names.map(str::to_string);
        JudgeFacts {
            names,
            digest: String::new(),
            features: 1,
            given: accuracy.is_none(),
            accuracy,
            training,
            test: None,
        }
    }

    #[test]
    fn a_judge_is_called_what_it_is() {
        let own = judge(["proxy-IS", "proxy-FID"], Some(0.9));
        assert!(own.about().contains("trained on these images") && own.comparable().starts_with("proxies"));
        let given = judge(["proxy-IS", "proxy-FID"], None);
        assert!(given.about().contains("given") && given.comparable().starts_with("proxies"));
        let published = judge(["IS", "FID"], None);
        assert!(published.about().contains("published") && !published.comparable().contains("prox"));
        let torchvision = judge(["torchvision-IS", "torchvision-FID"], None);
        assert!(torchvision.about().contains("torchvision") && !torchvision.comparable().contains("prox"));
    }

    #[test]
    fn a_judge_that_knows_its_images_badly_is_doubted() {
        assert!(judge(["proxy-IS", "proxy-FID"], Some(0.749)).doubt().unwrap().contains("only 74.9 %"));
        assert_eq!(judge(["proxy-IS", "proxy-FID"], Some(0.75)).doubt(), None);
        assert_eq!(judge(["IS", "FID"], None).doubt(), None);
    }
}
