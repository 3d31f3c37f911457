//! What is best by two measures at once.

/// The positions of the points that no other one beats: none is at least as high in both values and higher in one. Of equal
/// points all are in. In ascending order. Points with a value that is no number are left out.
///
/// Both values are to be high: give a cost, such as multiply-adds, with a minus.
pub fn front(points: &[[f64; 2]]) -> Vec<usize> {
    let valid = |&at: &usize| !points[at].iter().any(|value| value.is_nan());
    let mut order: Vec<usize> = (0..points.len()).filter(valid).collect();
    // From the highest first value down, the second of what is beaten by nothing must rise.
    order.sort_by(|&a, &b| points[b][0].total_cmp(&points[a][0]).then(points[b][1].total_cmp(&points[a][1])));
    let mut front: Vec<usize> = Vec::new();
    for at in order {
        let beaten = front.last().is_some_and(|&last| {
            let (last, point) = (points[last], points[at]);
            point != last && point[1] <= last[1]
        });
        if !beaten {
            front.push(at);
        }
    }
    front.sort_unstable();
    front
}

/// The rank of each point by non-dominated sorting (Deb et al. 2002): 0 for the front of all, 1 for the front of the rest,
/// and so on. No value may be NaN.
pub(super) fn ranks(points: &[[f64; 2]]) -> Vec<usize> {
    let mut ranks = vec![0; points.len()];
    let mut left: Vec<usize> = (0..points.len()).collect();
    let mut rank = 0;
    while !left.is_empty() {
        let of: Vec<[f64; 2]> = left.iter().map(|&at| points[at]).collect();
        let mut inside = vec![false; left.len()];
        for at in front(&of) {
            inside[at] = true;
            ranks[left[at]] = rank;
        }
        if !inside.contains(&true) {
            break;
        }
        let mut inside = inside.into_iter();
        left.retain(|_| inside.next() == Some(false));
        rank += 1;
    }
    ranks
}

/// The crowding distance of each point among these, which are of one rank (Deb et al. 2002): per value the distance between
/// its two neighbours as a share of the whole range, summed; infinite at both ends.
pub(super) fn crowding(points: &[[f64; 2]]) -> Vec<f64> {
    let mut distances = vec![0.0; points.len()];
    for value in 0..2 {
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|&a, &b| points[a][value].total_cmp(&points[b][value]));
        let (Some(&first), Some(&last)) = (order.first(), order.last()) else { continue };
        let range = points[last][value] - points[first][value];
        distances[first] = f64::INFINITY;
        distances[last] = f64::INFINITY;
        // Nothing is apart where all are equal, or all failed.
        if range > 0.0 && range.is_finite() {
            for triple in order.windows(3) {
                distances[triple[1]] += (points[triple[2]][value] - points[triple[0]][value]) / range;
            }
        }
    }
    distances
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn beats(a: [f64; 2], b: [f64; 2]) -> bool {
        a[0] >= b[0] && a[1] >= b[1] && a != b
    }

    proptest! {
        #[test]
        fn sorting_is_what_the_definition_says(
            // Few values, so that there are ties.
            values in prop::collection::vec((0_i8..8, 0_i8..8), 0..40)
        ) {
            let points: Vec<[f64; 2]> = values.iter().map(|&(a, b)| [a.into(), (-b).into()]).collect();
            let ranks = ranks(&points);
            for (at, &point) in points.iter().enumerate() {
                // The rank is the length of the longest chain of points each beating the next.
                let above = (0..points.len()).filter(|&other| beats(points[other], point)).map(|other| ranks[other] + 1).max();
                prop_assert_eq!(ranks[at], above.unwrap_or(0));
            }
            let unbeaten = (0..points.len()).filter(|&at| !points.iter().any(|&other| beats(other, points[at])));
            prop_assert_eq!(front(&points), unbeaten.collect::<Vec<_>>());
        }
    }

    #[test]
    fn crowding_is_the_span_of_the_neighbours() {
        let points = [[0.0, 10.0], [1.0, 8.0], [5.0, 4.0], [10.0, 0.0]];
        // 5 of 10 and 6 of 10; 9 of 10 and 8 of 10.
        let distances = crowding(&points);
        assert!((distances[1] - 1.1).abs() < 1e-12 && (distances[2] - 1.7).abs() < 1e-12, "{distances:?}");
        assert_eq!((distances[0], distances[3]), (f64::INFINITY, f64::INFINITY));
        assert_eq!(crowding(&[[1.0, 1.0]; 3])[1], 0.0);
        assert!(crowding(&[]).is_empty());
    }

    #[test]
    fn what_is_no_number_is_on_no_front() {
        assert_eq!(front(&[[f64::NAN, 9.0], [1.0, 1.0], [0.5, f64::NAN]]), [1]);
        assert_eq!(front(&[[2.0, 1.0], [2.0, 1.0], [2.0, 0.0], [3.0, -5.0]]), [0, 1, 3]);
    }
}
