//! All metrics of one score column, beside the baselines, as data and as a table.

use std::fmt;
use std::sync::Arc;

use fewshot_guard::printable;
use fewshot_space::{Arch, Cost, Space};
use serde::{Deserialize, Serialize};

use super::{Paired, RankError};
use crate::fusion::Fusion;

/// The metrics of one way to order the architectures. A value that is undefined (see the method
/// of [`Paired`] of the same meaning) is `None`, `null` in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// [`Paired::tau_b`].
    pub tau_b: Option<f64>,
    /// [`Paired::tau_b_ci`]; for the random order the range that holds 95 % of random orders: a
    /// tau-b within it is no evidence of any skill.
    pub tau_b_ci: Option<[f64; 2]>,
    /// [`Paired::spearman`].
    pub spearman: Option<f64>,
    /// [`Paired::precision_at`] 5 %.
    pub p_at_5: f64,
    /// [`Paired::ndcg`].
    pub ndcg: Option<f64>,
    /// [`Paired::ndcg_of_truth`]; absent where results did not say so yet.
    #[serde(default)]
    pub ndcg_of_truth: Option<f64>,
    /// [`Paired::tau_b_in_top`] 10 %.
    pub tau_top10: Option<f64>,
    /// [`Paired::truth_of_best`], in the truth's unit.
    pub truth_of_best: f64,
    /// [`Paired::best_truth_of_top`] 10, in the truth's unit.
    pub best_truth_of_top10: f64,
    /// [`Paired::distinct_scores`].
    pub distinct_scores: usize,
}

impl Metrics {
    /// Computes all metrics, in O(n log n).
    pub fn of(paired: &Paired) -> Metrics {
        Metrics {
            tau_b: paired.tau_b(),
            tau_b_ci: paired.tau_b_ci(),
            spearman: paired.spearman(),
            p_at_5: paired.precision_at(0.05),
            ndcg: paired.ndcg(),
            ndcg_of_truth: paired.ndcg_of_truth(),
            tau_top10: paired.tau_b_in_top(0.1),
            truth_of_best: paired.truth_of_best(),
            best_truth_of_top10: paired.best_truth_of_top(10),
            distinct_scores: paired.distinct_scores(),
        }
    }

    /// The expected metrics of an order drawn at random, each in closed form; nothing is drawn.
    ///
    /// Correlations are 0 on average (`None` where all truths are equal). Everything else is what
    /// the tie rule gives for a score that is the same everywhere, so `distinct_scores` is 1.
    pub fn of_random_order(paired: &Paired) -> Metrics {
        let chance = paired.without_scores();
        let range = chance.tau_b_of_chance();
        let zero = range.map(|_| 0.0);
        let top = chance.top(0.1).tau_b_of_chance();
        Metrics { tau_b: zero, tau_b_ci: range, spearman: zero, tau_top10: top.map(|_| 0.0), ..Metrics::of(&chance) }
    }
}

/// What a score has to beat: it costs nothing to rank architectures in these ways.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// More parameters are better.
    pub params: Metrics,
    /// More multiply-adds are better.
    pub macs: Metrics,
    /// Live convolutions, parameters and longest path together: [`Fusion`] without a score.
    pub structure: Metrics,
    /// [`Metrics::of_random_order`].
    pub random: Metrics,
}

/// The metrics of one score column beside the baselines on the same architectures. In JSON one
/// flat object with the fields of [`Metrics`], `n`, `best_truth` and `baselines`; [`Display`]
/// gives an aligned table.
///
/// [`Display`]: fmt::Display
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankReport {
    /// Number of architectures compared.
    pub n: usize,
    /// The metrics of the score.
    #[serde(flatten)]
    pub score: Metrics,
    /// Those of the score fused with structure ([`Fusion`], ranked against all `n`).
    pub fused: Metrics,
    /// The best truth of all `n`, which no metric of truth can exceed.
    pub best_truth: f64,
    /// The same metrics for what costs nothing.
    pub baselines: Baselines,
}

impl RankReport {
    /// Compares `scores[i]` with `truths[i]` of `archs[i]` in `space`, higher being better in
    /// both; parameters and multiply-adds are those of [`Space::cost`]. Every architecture must be
    /// valid for the space. O(n log n).
    ///
    /// # Errors
    /// As [`Paired::new`].
    pub fn new(
        space: &Arc<dyn Space>,
        archs: &[Arch],
        scores: &[f64],
        truths: &[f64],
    ) -> Result<RankReport, RankError> {
        if archs.len() != scores.len() || archs.len() != truths.len() {
            return Err(RankError::Unpaired { archs: archs.len(), scores: scores.len(), truths: truths.len() });
        }
        let name = |index: usize| space.format(&archs[index]);
        let paired = Paired::new(scores, truths, name)?;
        let costs: Vec<Cost> = archs.iter().map(|arch| space.cost(arch)).collect();
        let by_cost = |of: fn(&Cost) -> u64| {
            let scores: Vec<f64> = costs.iter().map(|cost| of(cost) as f64).collect();
            Paired::new(&scores, truths, name).map(|paired| Metrics::of(&paired))
        };
        let by_fusion = |fusion: Fusion| {
            let values: Vec<f64> = archs.iter().zip(scores).map(|(arch, score)| fusion.value(arch, *score)).collect();
            Paired::new(&values, truths, name).map(|paired| Metrics::of(&paired))
        };
        Ok(RankReport {
            n: paired.n(),
            score: Metrics::of(&paired),
            fused: by_fusion(Fusion::new(space.clone(), archs, scores))?,
            best_truth: paired.best_truth(),
            baselines: Baselines {
                params: by_cost(|cost| cost.params)?,
                macs: by_cost(|cost| cost.macs)?,
                structure: by_fusion(Fusion::structure_only(space.clone(), archs))?,
                random: Metrics::of_random_order(&paired),
            },
        })
    }
}

/// Characters of a name in a table.
const LONGEST_NAME: usize = 40;

/// What the numbers are over.
const NOTE: &str = "\
fused: rank average of the score with live convolutions, parameters and longest path (structure), weights 1 : 0.5 : 0.5 : 0.3
nDCG: by ranks, the gain of an architecture is the share of the others that its truth beats; with the truth itself as the
\x20     gain (as sklearn.metrics.ndcg_score) accuracies give every order nearly 1
ties: pairs tied in either column count for neither side (tau-b), ranks are averaged (rho); a cut through equal scores
takes the expected value, a cut by truth keeps all that are as good as the last";

/// Title and text of each metric, in the order of the table's lines; `{truth}` stands for the truth's name.
type Line = (&'static str, fn(&Metrics) -> String);

const LINES: [Line; 10] = [
    ("Kendall tau-b", |m| fixed(m.tau_b)),
    ("  95 % interval", |m| match m.tau_b_ci {
        Some([low, high]) => format!("{low:.3}..{high:.3}"),
        None => fixed(None),
    }),
    ("Spearman rho", |m| fixed(m.spearman)),
    ("P@5%", |m| fixed(Some(m.p_at_5))),
    ("nDCG, gain: rank of the truth", |m| fixed(m.ndcg)),
    ("nDCG, gain: the truth", |m| fixed(m.ndcg_of_truth)),
    ("tau-b in the true top 10 %", |m| fixed(m.tau_top10)),
    ("{truth} of the top-scored", |m| fixed(Some(m.truth_of_best))),
    ("best {truth} of the ten top-scored", |m| fixed(Some(m.best_truth_of_top10))),
    ("distinct scores", |m| m.distinct_scores.to_string()),
];

/// Four decimals; a dash where the value is undefined.
fn fixed(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}

impl fmt::Display for RankReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table("score", "truth"))
    }
}

impl RankReport {
    /// The same report where the truths that it was made of were the negative of what is meant: of errors and losses the least is
    /// the best.
    #[must_use]
    pub fn with_negated_truths(mut self) -> Self {
        let Self { score, fused, best_truth, baselines, .. } = &mut self;
        *best_truth = -*best_truth;
        let Baselines { params, macs, structure, random } = baselines;
        for metrics in [score, fused, params, macs, structure, random] {
            metrics.truth_of_best = -metrics.truth_of_best;
            metrics.best_truth_of_top10 = -metrics.best_truth_of_top10;
        }
        self
    }

    /// An aligned table, in which score and truth are called by these names.
    pub fn table(&self, score: &str, truth: &str) -> String {
        let [score, truth] = [score, truth].map(name);
        let columns: [(&str, &Metrics); 6] = [
            (&score, &self.score),
            ("fused", &self.fused),
            ("#params", &self.baselines.params),
            ("#MACs", &self.baselines.macs),
            ("structure", &self.baselines.structure),
            ("random", &self.baselines.random),
        ];
        let cells = columns.map(|(title, metrics)| {
            let values = LINES.iter().map(|(_, text)| text(metrics));
            [title.to_owned()].into_iter().chain(values).collect::<Vec<_>>()
        });
        let width = |texts: &[String]| texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
        let widths = cells.each_ref().map(|column| width(column));
        let mut names = vec![format!("{} architectures, best {truth} {:.4}", self.n, self.best_truth)];
        names.extend(LINES.iter().map(|(name, _)| name.replace("{truth}", &truth)));
        let first = width(&names);
        let mut out = String::new();
        for (line, name) in names.iter().enumerate() {
            out.push_str(&format!("{name:<first$}"));
            for (column, width) in cells.iter().zip(widths) {
                out.push_str(&format!("  {:>width$}", column[line]));
            }
            out.push('\n');
        }
        out + NOTE
    }
}

/// A name from a file as part of a table: on one line, and cut where it is long.
fn name(text: &str) -> String {
    let shown = printable::line(text);
    match shown.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown.into_owned(),
    }
}
