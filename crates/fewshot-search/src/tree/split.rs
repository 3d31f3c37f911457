//! Linear rules that divide architectures, learned from their scores.
//!
//! Of our own: over a few dozen columns of zeros and ones each fit is some lines that touch the ones only, where a crate
//! (smartcore 0.4) takes dense matrices; a tree makes some dozens of fits every twentieth score.

/// A rule: the side of an architecture is the sign of `bias` plus the weights of its columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    pub weights: Vec<f64>,
    pub bias: f64,
}

impl Rule {
    /// At 0 and above the architecture is on the good side.
    pub fn value(&self, columns: &[usize]) -> f64 {
        self.bias + columns.iter().map(|&column| self.weights[column]).sum::<f64>()
    }
}

/// Ridge regression of the scores, closed form: `w = (X'X + lambda I)^-1 X'y`, columns and scores centred. The rule's value
/// is the prediction, less the mean score.
pub(super) fn ridge(examples: &[&[usize]], scores: &[f64], width: usize, lambda: f64) -> Rule {
    let count = examples.len().max(1) as f64;
    let mean = scores.iter().sum::<f64>() / count;
    let mut means = vec![0.0; width];
    let mut gram = vec![vec![0.0; width]; width];
    let mut right = vec![0.0; width];
    for (columns, score) in examples.iter().zip(scores) {
        for &row in *columns {
            means[row] += 1.0 / count;
            right[row] += score - mean;
            columns.iter().for_each(|&column| gram[row][column] += 1.0);
        }
    }
    for (row, values) in gram.iter_mut().enumerate() {
        for (column, value) in values.iter_mut().enumerate() {
            *value -= count * means[row] * means[column];
        }
        values[row] += lambda;
    }
    let weights = solve(gram, right);
    let bias = -weights.iter().zip(&means).map(|(weight, mean)| weight * mean).sum::<f64>();
    Rule { weights, bias }
}

/// The solution of a symmetric positive definite system, by Cholesky's decomposition.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let size = right.len();
    for row in 0..size {
        for column in 0..=row {
            let dot: f64 = (0..column).map(|at| matrix[row][at] * matrix[column][at]).sum();
            let rest = matrix[row][column] - dot;
            // Positive by the ridge; what rounding could leave is kept from the root.
            matrix[row][column] =
                if row == column { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / matrix[column][column] };
        }
    }
    for row in 0..size {
        let dot: f64 = (0..row).map(|at| matrix[row][at] * right[at]).sum();
        right[row] = (right[row] - dot) / matrix[row][row];
    }
    for row in (0..size).rev() {
        let dot: f64 = (row + 1..size).map(|at| matrix[at][row] * right[at]).sum();
        right[row] = (right[row] - dot) / matrix[row][row];
    }
    right
}

/// Rounds of k-means, and passes over all examples for the support vectors; both end sooner when nothing changes.
const ROUNDS: usize = 50;
/// The price of an example on the wrong side.
const PRICE: f64 = 1.0;

/// The rule of LA-MCTS: two clusters of architecture and score together, and a linear support vector machine that tells
/// them apart by architecture; the good side is the cluster with the higher mean. `None` where there are no two.
pub(super) fn clusters(examples: &[&[usize]], scores: &[f64], width: usize) -> Option<Rule> {
    let good = two_means(examples, scores, width)?;
    let labels: Vec<f64> = good.iter().map(|&good| if good { 1.0 } else { -1.0 }).collect();
    Some(support_vectors(examples, &labels, width))
}

/// 2-means over the columns and the score, which is scaled to vary as much as all columns together; begun from the best and
/// the worst score. Whether each is of the better cluster.
fn two_means(examples: &[&[usize]], scores: &[f64], width: usize) -> Option<Vec<bool>> {
    let count = scores.len() as f64;
    let mean = scores.iter().sum::<f64>() / count;
    let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / count;
    if variance <= 0.0 || !variance.is_finite() {
        return None;
    }
    let mut shares = vec![0.0; width];
    examples.iter().for_each(|columns| columns.iter().for_each(|&column| shares[column] += 1.0 / count));
    let spread: f64 = shares.iter().map(|share| share * (1.0 - share)).sum();
    let scale = (spread.max(1.0) / variance).sqrt();
    let height = |at: usize| scale * (scores[at] - mean);
    // A centre is the mean of columns and score over some examples.
    let centre = |inside: &[usize]| {
        let mut centre = vec![0.0; width + 1];
        let share = 1.0 / inside.len().max(1) as f64;
        for &at in inside {
            examples[at].iter().for_each(|&column| centre[column] += share);
            centre[width] += share * height(at);
        }
        centre
    };
    let extreme = |sign: f64| (0..scores.len()).max_by(|&a, &b| (sign * scores[a]).total_cmp(&(sign * scores[b])));
    let mut centres = [centre(&[extreme(1.0)?]), centre(&[extreme(-1.0)?])];
    let mut good = Vec::new();
    for _ in 0..ROUNDS {
        let squares = centres.each_ref().map(|centre| centre[..width].iter().map(|value| value * value).sum::<f64>());
        // |c - x|^2 without what both centres have in common: only the columns of the example matter.
        let distance = |which: usize, at: usize| {
            let centre = &centres[which];
            let dot: f64 = examples[at].iter().map(|&column| centre[column]).sum();
            squares[which] - 2.0 * dot + (centre[width] - height(at)).powi(2)
        };
        let next: Vec<bool> = (0..scores.len()).map(|at| distance(0, at) <= distance(1, at)).collect();
        if next == good || !next.contains(&true) || !next.contains(&false) {
            break;
        }
        good = next;
        centres =
            [true, false].map(|wanted| centre(&(0..scores.len()).filter(|&at| good[at] == wanted).collect::<Vec<_>>()));
    }
    if !good.contains(&true) || !good.contains(&false) {
        return None;
    }
    if centres[0][width] < centres[1][width] {
        good.iter_mut().for_each(|good| *good = !*good);
    }
    Some(good)
}

/// A linear support vector machine by dual coordinate descent (Hsieh et al. 2008, algorithm 1), the bias as one more column.
fn support_vectors(examples: &[&[usize]], labels: &[f64], width: usize) -> Rule {
    let mut rule = Rule { weights: vec![0.0; width], bias: 0.0 };
    let mut duals = vec![0.0; examples.len()];
    for _ in 0..ROUNDS {
        let mut largest: f64 = 0.0;
        for ((columns, label), dual) in examples.iter().zip(labels).zip(&mut duals) {
            let gradient = label * rule.value(columns) - 1.0;
            let square = columns.len() as f64 + 1.0;
            let next = (*dual - gradient / square).clamp(0.0, PRICE);
            let step = (next - *dual) * label;
            *dual = next;
            largest = largest.max(step.abs());
            rule.bias += step;
            columns.iter().for_each(|&column| rule.weights[column] += step);
        }
        if largest < 1e-6 {
            break;
        }
    }
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ridge_solves_the_normal_equations() {
        // Two columns that exclude each other, two examples each: centred, X'X is ((1, -1), (-1, 1)), X'y is (3, -3);
        // with lambda = 1 the weights are 1 and -1.
        let examples: [&[usize]; 4] = [&[0], &[0], &[1], &[1]];
        let rule = ridge(&examples, &[4.0, 6.0, 1.0, 3.0], 2, 1.0);
        assert!((rule.weights[0] - 1.0).abs() < 1e-12 && (rule.weights[1] + 1.0).abs() < 1e-12, "{rule:?}");
        assert!((rule.value(&[0]) - 1.0).abs() < 1e-12 && (rule.value(&[1]) + 1.0).abs() < 1e-12, "{rule:?}");
        // Nothing to learn: no prediction differs from the mean.
        assert_eq!(ridge(&examples, &[2.0; 4], 2, 1.0).value(&[1]), 0.0);
    }

    #[test]
    fn clusters_of_good_and_bad_are_told_apart_by_their_columns() {
        let examples: [&[usize]; 6] = [&[0, 2], &[0, 3], &[0, 2], &[1, 3], &[1, 2], &[1, 3]];
        let rule = clusters(&examples, &[9.0, 8.0, 9.5, 1.0, 2.0, 1.5], 4).unwrap();
        let sides = examples.map(|columns| rule.value(columns) > 0.0);
        assert_eq!(sides, [true, true, true, false, false, false]);
        // Support vectors of a separable set lie at distance 1.
        assert!(examples.iter().all(|columns| rule.value(columns).abs() > 0.99), "{rule:?}");
        assert_eq!(clusters(&examples, &[3.0; 6], 4), None);
    }
}
