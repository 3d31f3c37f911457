//! What a search for generators ended with, in words.

use std::path::Path;

use fewshot_guard::{counted, printable};
use fewshot_nas::adversarial::judge::Judgement;
use fewshot_nas::experiments::{DerivedRow, GanResult, OriginDifference, OriginRow, RankingFacts};
use fewshot_nas::model::MODEL;

use super::words::{aligned, shown};

/// The result of a run in the folder `run`.
pub fn text(result: &GanResult, run: &Path) -> String {
    let row = |what: &str, text: String| (what.to_string(), text);
    let mut rows = vec![row("kept", kept(result)), row("its images", judged(result, &result.judgement))];
    rows.extend(result.judge.test.as_ref().map(|test| row("real test images", judged(result, test))));
    rows.extend(result.origins.iter().map(|origin| (origin.found_by.clone(), of_origin(result, origin))));
    rows.extend(
        result
            .differences
            .iter()
            .map(|difference| (format!("few-shot minus {}", difference.from), of_difference(result, difference))),
    );
    rows.extend(result.derived.iter().map(|found| trained(result, found)));
    rows.extend(result.ranking.as_ref().map(|ranking| row("ranking", ordered(ranking))));
    rows.push(row("cost", format!("{} multiply-adds, {} parameters", result.macs, result.params)));
    rows.extend(result.latency.map(|latency| {
        let text = format!(
            "{:.3} ms measured, {:.3} ms predicted, one image on one thread",
            latency.measured_ms, latency.predicted_ms
        );
        row("latency", text)
    }));
    let digest = printable::line(result.judge.short_digest());
    rows.push(row("judged by", format!("{} ({digest}): {}", result.judge.about(), result.judge.comparable())));
    rows.extend(result.judge.doubt().map(|doubt| row("take care", doubt)));
    rows.push(row("model", shown(&run.join(MODEL))));
    rows.push(row("images", shown(&run.join("images.png"))));
    aligned(&rows)
}

/// The kept architecture, and how it was found.
fn kept(result: &GanResult) -> String {
    let arch = printable::line(&result.arch);
    match result.kept_how() {
        None => arch.into_owned(),
        Some(how) => format!("{arch}   ({})", printable::line(&how)),
    }
}

fn judged(result: &GanResult, judgement: &Judgement) -> String {
    let [score, distance] = &result.judge.names;
    let far = judgement.distance.map(|far| format!(", {distance} {far:.2}")).unwrap_or_default();
    format!("{score} {:.3} +- {:.3}{far}", judgement.score, judgement.score_deviation)
}

fn of_origin(result: &GanResult, origin: &OriginRow) -> String {
    let [score, distance] = &result.judge.names;
    let OriginRow { trainings, best_distance, best_score, .. } = origin;
    format!(
        "{distance} {}, best {best_distance:.2}; {score} {}, best {best_score:.2}; of {}",
        origin.distance,
        origin.score,
        counted(*trainings, "training")
    )
}

fn of_difference(result: &GanResult, difference: &OriginDifference) -> String {
    let [score, distance] = &result.judge.names;
    let with = |value: f64, interval: Option<[f64; 2]>| match interval {
        Some([lower, upper]) => format!("{value:+.2} (95 %: {lower:+.2} to {upper:+.2})"),
        None => format!("{value:+.2}"),
    };
    let sure = if difference.distance_interval.is_none() { ", which gives no interval" } else { "" };
    format!(
        "{distance} {}; {score} {}; over {}{sure}",
        with(difference.distance, difference.distance_interval),
        with(difference.score, difference.score_interval),
        counted(difference.seeds, "seed")
    )
}

fn trained(result: &GanResult, found: &DerivedRow) -> (String, String) {
    let arch = printable::line(&found.arch);
    let mark = if result.is_kept(found) { "   (kept)" } else { "" };
    let what = format!("{}, seed {}", printable::line(&found.found_by), found.seed);
    (what, format!("{}   {arch}{mark}", judged(result, &found.best.judgement)))
}

fn ordered(ranking: &RankingFacts) -> String {
    let tau = ranking.parent.map_or("undefined".to_string(), |tau| format!("{tau:.3}"));
    let parts = ranking.parts.map(|parts| format!(", of the parts' {parts:.3}")).unwrap_or_default();
    let generators = counted(ranking.networks.len(), "generator");
    format!("tau-b of the shared generator's scores {tau}{parts}, by {generators} trained alone")
}

#[cfg(test)]
mod tests {
    use fewshot_nas::adversarial::EvaluationRecord;
    use fewshot_nas::experiments::{JudgeFacts, MeanSpread, SearchRow};

    use super::*;

    fn result(found_by: &str, names: [&str; 2]) -> GanResult {
        let judgement = Judgement { score: 3.0, score_deviation: 0.1, distance: Some(12.5), images: 100 };
        let best = EvaluationRecord { generator_steps: 4, losses: [0.0; 2], judgement };
        let (arch, seed) = ("0 0 0 0".to_string(), 1);
        let row = DerivedRow { found_by: found_by.into(), arch: arch.clone(), seed, best, evaluations: Vec::new() };
        let value = |mean: f64| MeanSpread { mean, spread: Some(0.5) };
        let judge = JudgeFacts {
            names: names.map(str::to_string),
            digest: "0123456789abcdef".to_string(),
            features: 8,
            given: true,
            accuracy: Some(0.6),
            training: judgement,
            test: None,
        };
        GanResult {
            space: "autogan".to_string(),
            arch,
            found_by: found_by.to_string(),
            training_seed: seed,
            judgement,
            macs: 1,
            params: 2,
            latency: None,
            judge,
            searches: vec![SearchRow {
                name: "one-shot".into(),
                iterations: vec![1],
                best: Vec::new(),
                resets: Vec::new(),
                history: Vec::new(),
            }],
            pooled: Vec::new(),
            origins: vec![OriginRow {
                found_by: found_by.into(),
                trainings: 3,
                distance: value(12.5),
                best_distance: 12.0,
                score: value(3.0),
                best_score: 3.5,
            }],
            differences: vec![OriginDifference {
                from: "one-shot".into(),
                seeds: 3,
                distance: -1.25,
                distance_interval: Some([-2.0, -0.5]),
                score: 0.25,
                score_interval: Some([-0.25, 0.75]),
            }],
            derived: vec![row],
            ranking: None,
            seconds: 1.0,
            seed: 0,
        }
    }

    #[test]
    fn ways_and_differences_come_before_single_rows_and_the_judge_is_named() {
        let said = text(&result("few-shot", ["proxy-IS", "proxy-FID"]), Path::new("run"));
        let place = |words: &str| said.find(words).unwrap_or_else(|| panic!("{words} in {said}"));
        assert!(place("proxy-FID 12.50 ± 0.50, best 12.00") < place("few-shot minus one-shot"));
        assert!(place("proxy-FID -1.25 (95 %: -2.00 to -0.50)") < place("few-shot, seed 1"));
        assert!(place("0 0 0 0   (found few-shot)") < place("(kept)"));
        assert!(said.contains("a classifier that was given (0123456789ab): proxies"), "{said}");
        assert!(said.contains("only 60.0 %"), "{said}");
        let said = text(&result("few-shot", ["IS", "FID"]), Path::new("run"));
        assert!(said.contains("Inception v3 with the weights of published scores") && !said.contains("prox"), "{said}");
    }

    #[test]
    fn a_kept_control_is_not_called_found() {
        let said = text(&result("random", ["proxy-IS", "proxy-FID"]), Path::new("run"));
        assert!(said.contains("drawn at random to compare with") && !said.contains("(found"), "{said}");
    }
}
