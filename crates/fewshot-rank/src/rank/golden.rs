//! The published scores of NAS-Bench-201 against its truths.

use fewshot_space::Arch;

use super::{Paired, RankReport};
use crate::table::{Joined, Table};
use crate::testing::{published, space};

fn close(value: Option<f64>, expected: f64) -> bool {
    value.is_some_and(|value| (value - expected).abs() < 5e-5)
}

/// What the table's documentation says of a column, and what our tie rules make of the rest.
struct Golden {
    column: &'static str,
    tau_b: f64,
    spearman: f64,
    distinct: usize,
    /// Tau-b in the true top 10 %: documented for the first 1,563 of a stable sort, ...
    tau_first_1563: f64,
    /// ... and with the two further architectures that share the last truth, 92.94.
    tau_top10: f64,
    /// Truth of the top-scored: mean over those that share the best score. The documentation has
    /// the first one in the file: 91.28 of 30, and 92.70 of 2.
    truth_of_best: f64,
}

const GOLDEN: [Golden; 3] = [
    Golden {
        column: "published_oneshot_acc",
        tau_b: 0.4849,
        spearman: 0.6771,
        distinct: 3782,
        tau_first_1563: -0.2291,
        tau_top10: -0.2284,
        truth_of_best: 91.1297,
    },
    Golden {
        column: "published_fewshot_acc",
        tau_b: 0.5508,
        spearman: 0.7410,
        distinct: 4272,
        tau_first_1563: -0.0813,
        tau_top10: -0.0795,
        truth_of_best: 93.0,
    },
    Golden {
        column: "flops_m",
        tau_b: 0.5777,
        spearman: 0.7522,
        distinct: 28,
        tau_first_1563: 0.0863,
        tau_top10: 0.0851,
        truth_of_best: 93.76,
    },
];

/// Tau-b of the published one-shot and few-shot scores fused with structure, and of structure alone.
const FUSED: [f64; 3] = [0.642_51, 0.671_35, 0.638_34];

#[test]
fn published_scores_rank_as_documented() {
    let Some(path) = published("published_scores_rank_as_documented") else {
        return;
    };
    let space = space();
    let truth = Table::read(&path, &space, "true_acc").unwrap();
    let mut reports = Vec::new();
    for golden in GOLDEN {
        let scores = Table::read(&path, &space, golden.column).unwrap();
        let Joined { archs, left, right, .. } = scores.join(&truth).unwrap();
        let report = RankReport::new(&space, &archs, &left, &right).unwrap();
        let score = &report.score;
        assert!(close(score.tau_b, golden.tau_b), "{report}");
        assert!(close(score.spearman, golden.spearman), "{report}");
        assert!(close(score.tau_top10, golden.tau_top10), "{report}");
        assert!(close(Some(score.truth_of_best), golden.truth_of_best), "{report}");
        assert_eq!(score.distinct_scores, golden.distinct);
        assert_eq!((report.n, report.best_truth), (15_625, 94.37));

        // Under the documentation's own rule its number comes out: only the rule differs.
        let mut order: Vec<usize> = (0..archs.len()).collect();
        order.sort_by(|&a, &b| right[b].total_cmp(&right[a]));
        let top = |values: &[f64]| order[..1563].iter().map(|&i| values[i]).collect::<Vec<_>>();
        let top = Paired::new(&top(&left), &top(&right), |_| String::new()).unwrap();
        assert!(close(top.tau_b(), golden.tau_first_1563), "{:?}", top.tau_b());
        reports.push(report);
    }
    // Fused with structure, by another program (ranks of scipy): ours have the same ties.
    let fused = [&reports[0].fused, &reports[1].fused, &reports[0].baselines.structure].map(|metrics| metrics.tau_b);
    assert!(fused.iter().zip(FUSED).all(|(tau, known)| close(*tau, known)), "{fused:?}");
    // The baselines do not depend on the score, and the table's column of multiply-adds is one.
    assert_eq!(reports[0].baselines, reports[1].baselines);
    assert_eq!(reports[0].baselines.macs, reports[2].score);
}

/// Five architectures of different cost whose scores go down as their truths go up.
fn small_report() -> RankReport {
    let archs: Vec<Arch> = (0..5).map(|op| Arch::new(vec![op, 3, 0, 1, 0, 3])).collect();
    let scores = [5.0, 4.0, 3.0, 2.0, 1.0];
    RankReport::new(&space(), &archs, &scores, &[0.5, 0.6, 0.7, 0.8, 0.9]).unwrap()
}

#[test]
fn json_is_one_flat_object_and_reads_back() {
    let report = small_report();
    let json = serde_json::to_value(&report).unwrap();
    let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    for name in ["tau_b", "spearman", "p_at_5", "ndcg", "tau_top10", "truth_of_best", "n"] {
        assert!(names.contains(&name), "{name} not among {names:?}");
    }
    assert_eq!(json["tau_b"], -1.0);
    assert_eq!(json["n"], 5);
    assert_eq!(json["best_truth_of_top10"], 0.9);
    // One architecture is the true top 10 % of five: no order there.
    assert!(json["tau_top10"].is_null());
    for baseline in ["params", "macs", "random"] {
        assert!(json["baselines"][baseline]["p_at_5"].is_f64(), "{baseline}");
    }
    assert_eq!(json["baselines"]["random"]["tau_b"], 0.0);
    // Three of the five operations on e0 have no weights and cost the same.
    assert_eq!(json["baselines"]["macs"]["distinct_scores"], 3);
    let back: RankReport = serde_json::from_str(&json.to_string()).unwrap();
    assert_eq!(back.score.tau_b_ci, report.score.tau_b_ci);
    assert_eq!(back.n, report.n);
}

#[test]
fn the_table_is_aligned() {
    let text = small_report().to_string();
    let lines: Vec<&str> = text.lines().collect();
    // Title, ten metrics, and five lines on what they are over.
    assert_eq!(lines.len(), 16);
    assert!(lines[..11].iter().all(|line| line.len() == lines[0].len()), "{text}");
    assert!(lines[0].starts_with("5 architectures, best truth 0.9000 "), "{text}");
    let words = |line: usize| lines[line].split_whitespace().collect::<Vec<_>>();
    assert_eq!(words(0)[5..], ["score", "fused", "#params", "#MACs", "structure", "random"]);
    assert_eq!(words(1)[..3], ["Kendall", "tau-b", "-1.0000"]);
    assert_eq!(words(7)[7..], ["-"; 6]);
    assert_eq!(words(8)[4..], ["0.5000", "0.5000", "0.8000", "0.8000", "0.8000", "0.7000"]);
}

#[test]
fn lists_that_do_not_pair_up_are_refused() {
    let archs = [Arch::new(vec![0; 6])];
    let space = space();
    let error = RankReport::new(&space, &archs, &[1.0], &[]).unwrap_err();
    assert!(error.to_string().starts_with("1 architectures, 1 scores and 0 truths"));
    let error = RankReport::new(&space, &archs, &[f64::NAN], &[1.0]).unwrap_err();
    assert!(error.to_string().contains("`|none~0|+|none~0|none~1|"), "{error}");
}
