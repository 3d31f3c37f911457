//! How a supernet was split, as a tree.

use super::chart::{COLOURS, Colour, Node};
use super::numbers::counted;

/// A part of a space: its label, and how many networks it has, where that is known.
pub type Part = (String, Option<u64>);

/// The tree from the whole to its parts. Labels of parts are comma-separated conditions (`e0=none,e3=skip_connect`); each
/// is a level, and those that the whole has too are not repeated. Few parts have the colours of their numbers.
pub fn split_tree(whole: &Part, parts: &[Part]) -> Node {
    let common: Vec<&str> = whole.0.split(',').collect();
    let name = if whole.0 == "all" { "whole space" } else { whole.0.as_str() };
    let conditions = |part: &Part| -> Vec<String> {
        let own = part.0.split(',').filter(|condition| !common.contains(condition));
        own.map(str::to_string).collect()
    };
    let colour = |index| if parts.len() > COLOURS { Colour::of(0) } else { Colour::of(index) };
    let leaf =
        |(index, part): (usize, &Part)| Leaf { conditions: conditions(part), networks: part.1, colour: colour(index) };
    let leaves: Vec<Leaf> = parts.iter().enumerate().map(leaf).collect();
    Node { label: name.to_string(), note: note(whole.1), colour: Colour::GREY, children: level(&leaves, 0) }
}

/// A part with what tells it from the whole.
struct Leaf {
    conditions: Vec<String>,
    networks: Option<u64>,
    colour: Colour,
}

/// The nodes for the condition number `depth` of leaves that have all conditions before it in common.
fn level(leaves: &[Leaf], depth: usize) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut rest = leaves;
    while let Some(first) = rest.first() {
        let here = first.conditions.get(depth);
        let same = rest.iter().take_while(|leaf| leaf.conditions.get(depth) == here).count();
        let (group, after) = rest.split_at(same);
        if let Some(label) = here {
            let networks = group.iter().map(|leaf| leaf.networks).sum::<Option<u64>>();
            let children = level(group, depth + 1);
            let colour = if children.is_empty() { first.colour } else { Colour::GREY };
            nodes.push(Node { label: label.clone(), note: note(networks), colour, children });
        }
        rest = after;
    }
    nodes
}

fn note(networks: Option<u64>) -> String {
    networks.map(|count| counted(count, "network")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The node without the colours below it.
    fn plain(node: &Node) -> Node {
        Node { colour: Colour::GREY, children: node.children.iter().map(plain).collect(), ..node.clone() }
    }

    fn node(label: &str, note: &str, children: Vec<Node>) -> Node {
        Node { label: label.into(), note: note.into(), colour: Colour::GREY, children }
    }

    #[test]
    fn each_condition_is_a_level() {
        let whole = ("macs<=8000000".to_string(), Some(6));
        let part = |label: &str, networks| (label.to_string(), networks);
        let parts = [
            part("e0=a,e3=b,macs<=8000000", Some(1)),
            part("e0=a,e3=c,macs<=8000000", Some(2)),
            part("e0=d,e3=b,macs<=8000000", Some(3)),
        ];
        let a = vec![node("e3=b", "1 network", vec![]), node("e3=c", "2 networks", vec![])];
        let d = vec![node("e3=b", "3 networks", vec![])];
        let children = vec![node("e0=a", "3 networks", a), node("e0=d", "3 networks", d)];
        let tree = split_tree(&whole, &parts);
        assert_eq!(plain(&tree), node("macs<=8000000", "6 networks", children));
        assert_eq!((tree.children[1].colour, tree.children[1].children[0].colour), (Colour::GREY, Colour::of(2)));
    }

    #[test]
    fn sizes_may_be_unknown() {
        let parts = [("e0=a".to_string(), None), ("e0=b".to_string(), Some(1))];
        let children = vec![node("e0=a", "", vec![]), node("e0=b", "1 network", vec![])];
        assert_eq!(plain(&split_tree(&("all".into(), None), &parts)), node("whole space", "", children));
    }
}
