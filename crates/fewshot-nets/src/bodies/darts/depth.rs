//! Which cell of a network of another depth stands where a cell of this one does.

use fewshot_space::darts::{CellKind, CellPlace, DartsSkeleton};

/// What no weight is called: where it is asked for, the weight stays as it starts.
const NOWHERE: &str = "";

/// Name in a network of `other` cells of the weight called `name` in one of `cells`: that of the cell at the same place between
/// the same reductions. What fits a cell's inputs has no counterpart where these have other channels.
pub(super) fn name_at_depth(skeleton: &DartsSkeleton, name: &str, cells: usize, other: usize) -> String {
    let own = name.strip_prefix("cells.").and_then(|rest| rest.split_once('.'));
    let Some((Ok(index), rest)) = own.map(|(index, rest)| (index.parse::<usize>(), rest)) else {
        return name.to_string();
    };
    let [ours, theirs] = [cells, other].map(|cells| DartsSkeleton { cells, ..skeleton.clone() }.layout());
    let Some(place) = counterpart(&ours, index, &theirs) else { return NOWHERE.to_string() };
    let own = &ours[index];
    let fits = match rest.split('.').next() {
        Some("input0") => own.before_previous == place.before_previous && own.reduces_first == place.reduces_first,
        Some("input1") => own.previous == place.previous,
        _ => true,
    };
    if !fits {
        return NOWHERE.to_string();
    }
    format!("cells.{}.{rest}", place.index)
}

fn counterpart<'a>(ours: &[CellPlace], index: usize, theirs: &'a [CellPlace]) -> Option<&'a CellPlace> {
    let own = ours.get(index)?;
    let alike = |place: &&CellPlace| place.kind == own.kind && place.channels == own.channels;
    let (peers, candidates): (Vec<&CellPlace>, Vec<&CellPlace>) =
        (ours.iter().filter(alike).collect(), theirs.iter().filter(alike).collect());
    let at = peers.iter().position(|place| place.index == index)?;
    match own.kind {
        CellKind::Reduction => candidates.first().copied(),
        CellKind::Normal => candidates.get(at * candidates.len() / peers.len()).copied(),
    }
}
