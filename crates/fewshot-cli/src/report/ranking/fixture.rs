//! A small comparison: two seeds, a one-shot, its control, and two splits.

use fewshot_nas::experiments::{FoundRow, FreeRow, InPart, NetworkRow, Randoms, RankingResult, RankingRow, RegionRow};
use fewshot_nas::rank::Metrics;
use fewshot_nas::train::EpochRecord;

use super::scatter::Scores;

pub fn result() -> RankingResult {
    let plain = |arm, epochs, tau| (0..2).map(move |seed| row(arm, "", seed, epochs, tau + 0.01 * seed as f64));
    let split = |split, tau| {
        (0..2).map(move |seed| RankingRow {
            supernets: 2,
            beside: "one-shot, equal cost".into(),
            regions: regions(split, seed),
            ..row("few-shot", split, seed, 8, tau + 0.02 * seed as f64)
        })
    };
    let free =
        |method: &str, tau| FreeRow { method: method.into(), metrics: metrics(tau), tau_b_within: Some(tau + 0.125) };
    RankingResult {
        left_out: 0,
        within: 2,
        space: "cell1296".into(),
        networks: 4,
        truth: "test accuracy after training alone, mean of three seeds".into(),
        ceiling: Some(0.82),
        images: 2000,
        on_test: false,
        rows: plain("one-shot", 4, 0.4)
            .chain(plain("one-shot, equal cost", 8, 0.45))
            .chain(split("e0", 0.5))
            .chain(split("e3", 0.42))
            .collect(),
        free: vec![free("#params", 0.5), free("#MACs", 0.5), free("random", 0.0)],
        found: vec![found("one-shot", 0, 0.8), found("one-shot", 1, 0.82), found("few-shot", 0, 0.84)],
        randoms: Some(Randoms { networks: 2, mean: 75.0, spread: Some(5.0), best: 80.0, truths: vec![70.0, 80.0] }),
        seconds: 180.0,
        seeds: vec![0, 1],
    }
}

fn found(arm: &str, seed: u64, test_accuracy: f64) -> FoundRow {
    let arch = "|nor_conv_3x3~0|+|nor_conv_3x3~1|+|none~0|nor_conv_1x1~2|".to_string();
    FoundRow {
        arm: arm.into(),
        split: String::new(),
        seed,
        score: 0.4,
        evaluations: 20,
        predictors: Vec::new(),
        better_than: Some(0.5),
        network: NetworkRow { arch, seed, test_accuracy, params: 12_345, macs: 3_000_000 },
    }
}

pub fn scores() -> Scores {
    let text = "arch,truth,one-shot//s0,\"one-shot, equal cost//s0\",few-shot/e0/s0
|skip_connect~0|+|none~1|+|none~0|nor_conv_1x1~2|,0.61,0.2,0.3,0.25
|skip_connect~0|+|skip_connect~1|+|none~0|nor_conv_1x1~2|,0.71,0.3,0.2,0.3
|nor_conv_3x3~0|+|skip_connect~1|+|none~0|nor_conv_1x1~2|,0.83,0.32,0.31,0.4
|nor_conv_3x3~0|+|nor_conv_3x3~1|+|none~0|nor_conv_1x1~2|,0.87,0.29,0.4,0.5
";
    Scores::parse(text.as_bytes()).unwrap()
}

fn row(arm: &str, split: &str, seed: u64, epochs: u64, tau: f64) -> RankingRow {
    let record = |epoch| EpochRecord {
        epoch,
        lr: 0.05,
        loss: 2.0 / (1 + epoch) as f64,
        accuracy: 0.2,
        held_out: None,
        held_out_last: None,
    };
    RankingRow {
        arm: arm.into(),
        split: split.into(),
        seed,
        supernets: 1,
        epochs,
        macs: 1e12 * epochs as f64,
        seconds: 20.0 * epochs as f64,
        scored_by: "accuracy".into(),
        metrics: metrics(tau),
        fused: metrics(tau + 0.1),
        tau_b_within: Some(tau),
        beside: String::new(),
        regions: Vec::new(),
        history: (0..3).map(record).collect(),
    }
}

fn regions(split: &str, seed: u64) -> Vec<RegionRow> {
    let region = |option: &str, tau_b, mean_score, mean_truth| RegionRow {
        region: format!("{split}={option}"),
        networks: 2,
        mean_truth,
        own: InPart { tau_b, mean_score },
        beside: Some(InPart { tau_b: None, mean_score: 0.5 }),
    };
    let tau = (seed == 0).then_some(0.25);
    vec![region("skip_connect", Some(0.5), 0.28, 0.66), region("nor_conv_3x3", tau, 0.45, 0.85)]
}

fn metrics(tau: f64) -> Metrics {
    Metrics {
        tau_b: Some(tau),
        tau_b_ci: Some([tau - 0.1, tau + 0.1]),
        spearman: Some(tau + 0.1),
        p_at_5: 0.3,
        ndcg: Some(0.9),
        ndcg_of_truth: Some(0.99),
        tau_top10: None,
        truth_of_best: 0.83,
        best_truth_of_top10: 0.87,
        distinct_scores: 4,
    }
}
