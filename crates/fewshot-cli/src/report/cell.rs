//! The cell of a network as a drawing: nodes in a row, operations on the edges between them.

use fewshot_space::darts::{self, CellDesign, CellDrawing, CellKind, DartsOp, DrawnEdge};
use fewshot_space::{CellOp, CellSkeleton, CellSpace, DartsSkeleton, DartsSpace, Space};
use maud::{Markup, html};

use super::chart::px;

/// From one node's border to that of the next, in the units of the drawing: room for an edge with its operation.
const GAP: f64 = 88.0;
/// Around all of it.
const MARGIN: f64 = 4.0;
/// Half the height of a node, and half its width where its name is short.
const RADIUS: f64 = 16.0;
/// About the width of a letter of a name.
const LETTER: f64 = 8.2;
/// Between a node's name and its border, at either side.
const PADDING: f64 = 6.0;
/// Nodes of a drawing that is as wide as other charts; larger ones have a row of the page for themselves.
const NARROW: usize = 5;
/// Height of each level of arcs.
const LEVEL: f64 = 50.0;

/// A cell to draw: nodes in a row, edges that lead forward, sorted by the node they lead to.
struct Drawing {
    title: &'static str,
    /// What stands in the nodes.
    nodes: Vec<String>,
    edges: Vec<Edge>,
    alt: String,
}

/// An edge with its operation.
struct Edge {
    from: usize,
    to: usize,
    op: Label,
    /// Whether what it computes reaches the cell's output.
    live: bool,
    /// How far above the row of nodes it passes: 0 in the row, 1, 2, .. above it, negative below.
    level: i32,
}

/// How an operation is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Label {
    /// As people call it; empty for what only passes on.
    words: &'static str,
    /// Class of operations of its kind.
    kind: &'static str,
}

/// The cells of the architecture, each with a title; none if `space` is not a space of cells, or `arch` none of its texts.
pub fn cells(space: &str, arch: &str) -> Vec<(&'static str, Markup)> {
    let drawings = repeated(space, arch).map(|drawing| vec![drawing]).or_else(|| normal_and_reduction(space, arch));
    drawings.into_iter().flatten().map(|drawing| (drawing.title, draw(&drawing))).collect()
}

/// The one cell of a space of cells.
fn repeated(space: &str, arch: &str) -> Option<Drawing> {
    let space = CellSpace::by_name(space, CellSkeleton::default_for(space).ok()?).ok()?;
    let arch = space.parse(arch).ok()?;
    let last = space.nodes() - 1;
    let name = |node: usize| match node {
        0 => "in".to_string(),
        node if node == last => "out".to_string(),
        node => node.to_string(),
    };
    let op = |index: usize| space.op(&arch, index);
    let ends: Vec<(usize, usize, CellOp)> =
        space.edges().iter().enumerate().map(|(index, edge)| (edge.from, edge.to, op(index))).collect();
    let live = live(&ends, space.nodes());
    let edges = ends.into_iter().zip(live);
    let edges = edges.map(|((from, to, op), live)| Edge { from, to, op: words(op), live, level: 0 });
    Some(Drawing {
        title: "The cell",
        nodes: (0..space.nodes()).map(name).collect(),
        edges: placed(edges.collect(), space.nodes()),
        alt: format!("The cell {}", space.format(&arch)),
    })
}

/// The two cells of `darts`, as its papers draw them.
fn normal_and_reduction(space: &str, arch: &str) -> Option<Vec<Drawing>> {
    let designs = [CellDesign::Darts, CellDesign::LaNas];
    let (genotype, design) = designs.into_iter().filter(|_| space == darts::NAME).find_map(|design| {
        let space = DartsSpace::new(DartsSkeleton { design, ..DartsSkeleton::cifar10() }).ok()?;
        Some((space.genotype(&space.parse(arch).ok()?), design))
    })?;
    let drawing = |kind: CellKind| {
        let CellDrawing { nodes, edges, .. } = genotype.drawing(kind, design);
        let edge = |edge: DrawnEdge| Edge { from: edge.from, to: edge.to, op: named(edge.op), live: true, level: 0 };
        Drawing {
            title: match kind {
                CellKind::Normal => "The normal cell",
                CellKind::Reduction => "The reduction cell",
            },
            edges: placed(edges.into_iter().map(edge).collect(), nodes.len()),
            alt: format!("The {kind} cell of {arch}"),
            nodes,
        }
    };
    Some(CellKind::ALL.map(drawing).into())
}

fn draw(drawing: &Drawing) -> Markup {
    let Drawing { nodes, edges, alt, .. } = drawing;
    let (above, below) = edges.iter().fold((0, 0), |(above, below), e| (above.max(e.level), below.max(-e.level)));
    let row = 28.0 + f64::from(above) * LEVEL;
    let spans = spans(nodes);
    let width = spans.iter().map(|span| span.middle + span.half).fold(0.0, f64::max) + MARGIN;
    let height = row + f64::from(below) * LEVEL + 28.0;
    html! {
        svg.chart.cell.wide[nodes.len() > NARROW] viewBox={ "0 0 " (px(width)) " " (px(height)) } role="img" aria-label=(alt) {
            @for edge in edges { (draw_edge(edge, &spans, row)) }
            @for (span, name) in spans.iter().zip(nodes) {
                rect.node x=(px(span.middle - span.half)) y=(px(row - RADIUS)) width=(px(2.0 * span.half)) height=(2.0 * RADIUS)
                    rx=(RADIUS) {}
                text.node x=(px(span.middle)) y=(px(row + 5.0)) text-anchor="middle" { (name) }
            }
        }
    }
}

/// Where a node lies from left to right.
struct Span {
    middle: f64,
    /// Half its width.
    half: f64,
}

/// The nodes, each as wide as its name needs.
fn spans(names: &[String]) -> Vec<Span> {
    let mut begin = MARGIN;
    let span = |name: &String| {
        let half = (name.chars().count() as f64 * LETTER / 2.0 + PADDING).max(RADIUS);
        let middle = begin + half;
        begin = middle + half + GAP;
        Span { middle, half }
    };
    names.iter().map(span).collect()
}

/// Gives each edge its level: neighbours in the row, the others on arcs, shorter ones nearer, above and below in turn so
/// that no two arcs on one level overlap. Of several edges between two neighbours one is in the row.
fn placed(mut edges: Vec<Edge>, nodes: usize) -> Vec<Edge> {
    edges.sort_by_key(|edge| (edge.to - edge.from, edge.from));
    for index in 0..edges.len() {
        let (from, to) = (edges[index].from, edges[index].to);
        let is_taken = edges[..index].iter().any(|edge| (edge.from, edge.to, edge.level) == (from, to, 0));
        if to - from > 1 || is_taken {
            let free = |level: &i32| {
                let before = &edges[..index];
                before.iter().all(|edge| edge.level != *level || edge.to <= from || to <= edge.from)
            };
            // A row of n nodes with two edges between any of them has fewer than n * n arcs, so one of these levels is free.
            let levels = (1..=(nodes * nodes) as i32).flat_map(|level| [level, -level]);
            edges[index].level = levels.into_iter().find(free).unwrap_or(1);
        }
    }
    edges
}

/// Which edges lie on a path from input to output that no zero operation cuts.
fn live(edges: &[(usize, usize, CellOp)], nodes: usize) -> Vec<bool> {
    let (mut fed, mut used) = (vec![false; nodes], vec![false; nodes]);
    fed[0] = true;
    used[nodes - 1] = true;
    // Edges are sorted by the node they lead to, and lead forward only.
    for &(from, to, _) in edges.iter().filter(|edge| edge.2 != CellOp::None) {
        fed[to] |= fed[from];
    }
    for &(from, to, _) in edges.iter().rev().filter(|edge| edge.2 != CellOp::None) {
        used[from] |= used[to];
    }
    edges.iter().map(|&(from, to, op)| op != CellOp::None && fed[from] && used[to]).collect()
}

fn draw_edge(edge: &Edge, spans: &[Span], row: f64) -> Markup {
    let (left, right) = (&spans[edge.from], &spans[edge.to]);
    let (from, to) = (left.middle, right.middle);
    let height = f64::from(edge.level) * LEVEL;
    let (path, middle, y) = match edge.level {
        0 => {
            let (begin, end) = (from + left.half, to - right.half);
            (format!("M{} {row}H{}", px(begin), px(end)), (begin + end) / 2.0, row)
        }
        level => {
            // A cubic whose ends leave the nodes up- or downwards reaches three quarters of its control points' height.
            let start = row - f64::from(level.signum()) * RADIUS;
            let (bend, reach) = (row - height * 4.0 / 3.0, (to - from) * 0.12);
            let curve = format!("{} {bend} {} {bend}", px(from + reach), px(to - reach));
            (format!("M{} {start}C{curve} {} {start}", px(from), px(to)), (from + to) / 2.0, row - height)
        }
    };
    let width = edge.op.words.chars().count() as f64 * LETTER + 10.0;
    let state = if edge.live { "live" } else { "dead" };
    html! {
        g.edge.(state).(edge.op.kind) {
            path d=(path) {}
            @if !edge.op.words.is_empty() {
                rect x=(px(middle - width / 2.0)) y=(px(y - 10.0)) width=(px(width)) height="20" {}
                text x=(px(middle)) y=(px(y + 5.0)) text-anchor="middle" { (edge.op.words) }
            }
        }
    }
}

fn words(op: CellOp) -> Label {
    let (words, kind) = match op {
        CellOp::None => ("none", "plain"),
        CellOp::Skip => ("skip", "plain"),
        CellOp::Conv1x1 => ("conv 1×1", "conv"),
        CellOp::Conv3x3 => ("conv 3×3", "conv"),
        CellOp::AvgPool3x3 => ("avg 3×3", "pool"),
        CellOp::MaxPool3x3 => ("max 3×3", "pool"),
    };
    Label { words, kind }
}

/// Without an operation a node becomes part of the output.
fn named(op: Option<DartsOp>) -> Label {
    let (words, kind) = match op {
        None => ("", "plain"),
        Some(DartsOp::SkipConnect) => ("skip", "plain"),
        Some(DartsOp::MaxPool3x3) => ("max 3×3", "pool"),
        Some(DartsOp::AvgPool3x3) => ("avg 3×3", "pool"),
        Some(DartsOp::SepConv3x3) => ("sep 3×3", "conv"),
        Some(DartsOp::SepConv5x5) => ("sep 5×5", "conv"),
        Some(DartsOp::DilConv3x3) => ("dil 3×3", "conv"),
        Some(DartsOp::DilConv5x5) => ("dil 5×5", "conv"),
    };
    Label { words, kind }
}

#[cfg(test)]
mod tests {
    use super::super::chart::check;
    use super::*;

    fn cell(space: &str, arch: &str) -> Markup {
        let mut drawn = cells(space, arch);
        assert_eq!((drawn.len(), drawn[0].0), (1, "The cell"));
        drawn.remove(0).1
    }

    #[test]
    fn both_cells_of_darts_are_drawn() {
        let drawn = cells("darts", "few-shot");
        let titles: Vec<&str> = drawn.iter().map(|(title, _)| *title).collect();
        assert_eq!(titles, ["The normal cell", "The reduction cell"]);
        let ops = [[("skip", 1), ("sep 3×3", 6), ("dil 5×5", 1)], [("skip", 4), ("sep 3×3", 1), ("max 3×3", 3)]];
        for ((_, drawing), ops) in drawn.iter().zip(ops) {
            check(drawing);
            // Eight operations, and four nodes that are put together.
            assert_eq!(drawing.0.matches("edge live").count(), 12);
            for (words, count) in ops {
                assert_eq!(drawing.0.matches(&format!(">{words}<")).count(), count, "{words}");
            }
            assert!(drawing.0.contains(">c_{k-2}<") && drawing.0.contains(">c_{k}<"));
        }
    }

    #[test]
    fn every_edge_is_drawn_and_dead_ones_are_told_apart() {
        let arch = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|none~2|";
        let drawn = cell("nasbench201", arch);
        check(&drawn);
        // Node 3 hears only the input: what is computed for nodes 1 and 2 is lost.
        assert_eq!((drawn.0.matches("edge live").count(), drawn.0.matches("edge dead").count()), (1, 5));
        for text in ["avg 3×3", ">in<", ">out<", "conv 3×3"] {
            assert!(drawn.0.contains(text), "{text}");
        }
        let drawn = cell("cell1296", "|none~0|+|none~1|+|none~0|none~2|");
        assert_eq!(drawn.0.matches("edge dead").count(), 4);
    }

    #[test]
    fn nodes_are_as_wide_as_their_names_and_lie_within_the_drawing() {
        let names = ["c_{k-2}", "c_{k-1}", "0", "out", "c_{k}"].map(str::to_string);
        let spans = spans(&names);
        for (span, name) in spans.iter().zip(&names) {
            assert!(2.0 * span.half >= name.chars().count() as f64 * LETTER + 2.0 * PADDING || span.half == RADIUS);
        }
        assert_eq!((spans[0].middle - spans[0].half, spans[2].half), (MARGIN, RADIUS));
        let gap = |pair: &[Span]| pair[1].middle - pair[1].half - (pair[0].middle + pair[0].half);
        assert!(spans.windows(2).all(|pair| (gap(pair) - GAP).abs() < 1e-9));
        // The longest operation's name fits between two nodes.
        assert!(words(CellOp::Conv1x1).words.chars().count() as f64 * LETTER + 10.0 < GAP);
        let drawing = cells("darts", "few-shot").remove(0).1.0;
        let width =
            |tag: &str| tag.split_once("width=\"").unwrap().1.split('"').next().unwrap().parse::<f64>().unwrap();
        let widths: Vec<f64> = drawing.split("<rect class=\"node\"").skip(1).map(width).collect();
        assert_eq!(widths.len(), 7);
        assert!(widths[0] > widths[2] && widths[2] == 2.0 * RADIUS, "{widths:?}");
    }

    #[test]
    fn arcs_on_one_level_do_not_overlap() {
        for nodes in 2..7 {
            // Twice between two of them, as a node may read one input by two operations.
            let ends = (1..nodes).flat_map(|to| (0..to).chain([0]).map(move |from| (from, to)));
            let edge = |(from, to)| Edge { from, to, op: words(CellOp::Skip), live: true, level: 0 };
            let edges = placed(ends.map(edge).collect(), nodes);
            for (index, a) in edges.iter().enumerate() {
                assert!(a.level != 0 || a.to - a.from == 1);
                for b in &edges[..index] {
                    assert!(a.level != b.level || a.to <= b.from || b.to <= a.from, "{nodes} nodes");
                }
            }
        }
    }

    #[test]
    fn what_is_no_cell_is_not_drawn() {
        assert!(cells("mobile", "k3").is_empty());
        assert!(cells("nasbench201", "|none~0|").is_empty());
        assert!(cells("darts", "|none~0|").is_empty());
    }
}
