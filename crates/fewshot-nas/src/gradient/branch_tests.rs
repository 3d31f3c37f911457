//! What searches leave in the network.

use super::Rivals;
use super::darts::hypergradient;
use super::tests::{AT, alpha, batch, learner};

#[test]
fn the_second_order_leaves_running_statistics_where_a_pass_at_its_place_does() {
    let (mut second, mut plain) = (learner(1), learner(1));
    let (alpha, _) = alpha(&second.net, Rivals::default());
    let mix = alpha.relaxed(&alpha.values());
    for learner in [&mut second, &mut plain] {
        learner.descend_mixed(&batch(1), &mix, AT).unwrap();
    }
    hypergradient(&mut second, &alpha, &batch(1), &batch(2), AT).unwrap();
    plain.slopes(&batch(1), &mix, &[], true, AT).unwrap();
    assert_eq!(second.net.weights().to_values().unwrap(), plain.net.weights().to_values().unwrap());
}
