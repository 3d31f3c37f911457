//! A tree, one node a line, as folders are shown: it fits a narrow screen however many leaves it has.

use maud::{Markup, html};

use super::drawing::{CHARACTER, Colour, WIDTH, fitted, px, svg};

/// Height of a line.
const ROW: f64 = 26.0;
/// How far a node stands to the right of its parent.
const INDENT: f64 = 22.0;
/// Lines shown at most.
const LIMIT: usize = 60;

/// A node and what is below it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name.
    pub label: String,
    /// What is said of it at the right end of its line.
    pub note: String,
    /// Its colour.
    pub colour: Colour,
    /// What it is split into.
    pub children: Vec<Node>,
}

/// A node with its place.
struct Line<'a> {
    node: &'a Node,
    depth: usize,
    /// The parent's line.
    parent: Option<usize>,
}

/// The tree. Lines beyond the sixtieth are only counted.
pub fn tree(root: &Node, alt: &str) -> Markup {
    let mut lines = Vec::new();
    list(root, 0, None, &mut lines);
    let hidden = lines.len().saturating_sub(LIMIT);
    let shown = &lines[..lines.len() - hidden];
    let middle = |line: usize| line as f64 * ROW + ROW / 2.0;
    let content = html! {
        @for (index, line) in shown.iter().enumerate() {
            @let x = 8.0 + line.depth as f64 * INDENT;
            @if let Some(parent) = line.parent {
                path.branch d={ "M" (px(x - INDENT)) " " (px(middle(parent))) "V" (px(middle(index))) "H" (px(x)) } {}
            }
        }
        @for (index, line) in shown.iter().enumerate() {
            @let x = 8.0 + line.depth as f64 * INDENT;
            @let y = middle(index);
            @let room = WIDTH - x - 20.0 - line.node.note.chars().count() as f64 * CHARACTER;
            circle.dot.(line.node.colour.class())
                cx=(px(x)) cy=(px(y)) r="4.5" {}
            text.name x=(px(x + 12.0)) y=(px(y + 4.5)) {
                (fitted(&line.node.label, room)) title { (line.node.label) }
            }
            text.tick x=(px(WIDTH)) y=(px(y + 4.5)) text-anchor="end" { (line.node.note) }
        }
        @if hidden > 0 {
            text.tick x="8" y=(px(middle(shown.len()) + 4.5)) { "and " (hidden) " more" }
        }
    };
    svg((shown.len() + usize::from(hidden > 0)) as f64 * ROW, alt, &content)
}

fn list<'a>(node: &'a Node, depth: usize, parent: Option<usize>, lines: &mut Vec<Line<'a>>) {
    let index = lines.len();
    lines.push(Line { node, depth, parent });
    for child in &node.children {
        list(child, depth + 1, Some(index), lines);
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn leaf(label: &str) -> Node {
        Node { label: label.into(), note: "216 networks".into(), colour: Colour::GREY, children: vec![] }
    }

    #[test]
    fn every_node_has_a_line_and_a_branch_to_its_parent() {
        let inner = Node { children: vec![leaf("e3=none"), leaf("e3=skip")], ..leaf("e0=none") };
        let drawn = tree(&Node { children: vec![inner, leaf("e0=<x>")], ..leaf("all") }, "a tree");
        check(&drawn);
        assert_eq!((drawn.0.matches("<circle").count(), drawn.0.matches("branch").count()), (5, 4));
        assert!(drawn.0.contains("e0=&lt;x&gt;"));
    }

    #[test]
    fn a_large_tree_is_cut() {
        let children = (0..100).map(|index| leaf(&format!("e0={index}"))).collect();
        let drawn = tree(&Node { children, ..leaf("all") }, "a tree");
        check(&drawn);
        assert!(drawn.0.contains("and 41 more"));
        check(&tree(&leaf("all"), "no split"));
    }
}
