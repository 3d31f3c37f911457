//! The cell of a network as a drawing: nodes in a row, operations on the edges between them.

use fewshot_space::{CellOp, CellSkeleton, CellSpace, Space};
use maud::{Markup, html};

/// Between two neighbouring nodes, in the units of the drawing.
const STEP: f64 = 120.0;
/// From a node at an end to the border.
const MARGIN: f64 = 20.0;
/// Radius of a node.
const RADIUS: f64 = 16.0;
/// About the width of a letter of an operation's name.
const LETTER: f64 = 8.2;
/// Height of each level of arcs.
const LEVEL: f64 = 50.0;

/// An edge with its operation.
struct Edge {
    from: usize,
    to: usize,
    op: CellOp,
    /// Whether what it computes reaches the cell's output.
    live: bool,
    /// How far above the row of nodes it passes: 0 in the row, 1, 2, .. above it, negative below.
    level: i32,
}

/// The cell of the architecture, or nothing if `space` is not a space of cells, or `arch` none of its texts.
pub fn cell(space: &str, arch: &str) -> Option<Markup> {
    let space = CellSpace::by_name(space, CellSkeleton::default_for(space).ok()?).ok()?;
    let arch = space.parse(arch).ok()?;
    let ends = space.edges().iter().enumerate().map(|(index, edge)| (edge.from, edge.to, space.op(&arch, index)));
    let edges = placed(ends.collect(), space.nodes());
    let (above, below) = edges.iter().fold((0, 0), |(above, below), e| (above.max(e.level), below.max(-e.level)));
    let row = 28.0 + f64::from(above) * LEVEL;
    let (width, height) = ((space.nodes() - 1) as f64 * STEP + 2.0 * MARGIN, row + f64::from(below) * LEVEL + 28.0);
    let alt = format!("The cell {}", space.format(&arch));
    Some(html! {
        svg.chart.cell viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(alt) {
            @for edge in &edges { (draw_edge(edge, row)) }
            @for node in 0..space.nodes() {
                circle.node cx=(x(node)) cy=(row) r=(RADIUS) {}
                text.node x=(x(node)) y=(row + 5.0) text-anchor="middle" {
                    @if node == 0 { "in" } @else if node + 1 == space.nodes() { "out" } @else { (node) }
                }
            }
        }
    })
}

fn x(node: usize) -> f64 {
    MARGIN + node as f64 * STEP
}

/// Gives each edge its level: neighbours in the row, the others on arcs, shorter ones nearer, above and below in turn so
/// that no two arcs on one level overlap.
fn placed(edges: Vec<(usize, usize, CellOp)>, nodes: usize) -> Vec<Edge> {
    let live = live(&edges, nodes);
    let edge = |(&(from, to, op), live)| Edge { from, to, op, live, level: 0 };
    let mut edges: Vec<Edge> = edges.iter().zip(live).map(edge).collect();
    edges.sort_by_key(|edge| (edge.to - edge.from, edge.from));
    for index in 0..edges.len() {
        let (from, to) = (edges[index].from, edges[index].to);
        if to - from > 1 {
            let free = |level: &i32| {
                let before = &edges[..index];
                before.iter().all(|edge| edge.level != *level || edge.to <= from || to <= edge.from)
            };
            // A row of n nodes has fewer than n * n arcs, so one of these levels is free.
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

fn draw_edge(edge: &Edge, row: f64) -> Markup {
    let (from, to) = (x(edge.from), x(edge.to));
    let middle = (from + to) / 2.0;
    let height = f64::from(edge.level) * LEVEL;
    let (path, y) = match edge.level {
        0 => (format!("M{} {row}H{}", from + RADIUS, to - RADIUS), row),
        level => {
            // A cubic whose ends leave the nodes up- or downwards reaches three quarters of its control points' height.
            let start = row - f64::from(level.signum()) * RADIUS;
            let (bend, reach) = (row - height * 4.0 / 3.0, (to - from) * 0.12);
            (format!("M{from} {start}C{} {bend} {} {bend} {to} {start}", from + reach, to - reach), row - height)
        }
    };
    let width = words(edge.op).chars().count() as f64 * LETTER + 6.0;
    let state = if edge.live { "live" } else { "dead" };
    html! {
        g.edge.(state).(kind(edge.op)) {
            path d=(path) {}
            rect x=(middle - width / 2.0) y=(y - 10.0) width=(width) height="20" {}
            text x=(middle) y=(y + 5.0) text-anchor="middle" { (words(edge.op)) }
        }
    }
}

/// The operation as people call it.
fn words(op: CellOp) -> &'static str {
    match op {
        CellOp::None => "none",
        CellOp::Skip => "skip",
        CellOp::Conv1x1 => "conv 1×1",
        CellOp::Conv3x3 => "conv 3×3",
        CellOp::AvgPool3x3 => "avg 3×3",
        CellOp::MaxPool3x3 => "max 3×3",
    }
}

/// Class of operations of one kind.
fn kind(op: CellOp) -> &'static str {
    match op {
        CellOp::None | CellOp::Skip => "plain",
        CellOp::Conv1x1 | CellOp::Conv3x3 => "conv",
        CellOp::AvgPool3x3 | CellOp::MaxPool3x3 => "pool",
    }
}

#[cfg(test)]
mod tests {
    use super::super::chart::check;
    use super::*;

    #[test]
    fn every_edge_is_drawn_and_dead_ones_are_told_apart() {
        let arch = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|none~2|";
        let drawn = cell("nasbench201", arch).unwrap();
        check(&drawn);
        // Node 3 hears only the input: what is computed for nodes 1 and 2 is lost.
        assert_eq!((drawn.0.matches("edge live").count(), drawn.0.matches("edge dead").count()), (1, 5));
        for text in ["avg 3×3", ">in<", ">out<", "conv 3×3"] {
            assert!(drawn.0.contains(text), "{text}");
        }
        let drawn = cell("cell1296", "|none~0|+|none~1|+|none~0|none~2|").unwrap();
        assert_eq!(drawn.0.matches("edge dead").count(), 4);
    }

    #[test]
    fn arcs_on_one_level_do_not_overlap() {
        for nodes in 2..7 {
            let ends = (1..nodes).flat_map(|to| (0..to).map(move |from| (from, to, CellOp::Skip)));
            let edges = placed(ends.collect(), nodes);
            for (index, a) in edges.iter().enumerate() {
                assert!(a.live && (a.level == 0) == (a.to - a.from == 1));
                for b in &edges[..index] {
                    assert!(a.level != b.level || a.to <= b.from || b.to <= a.from, "{nodes} nodes");
                }
            }
        }
    }

    #[test]
    fn what_is_no_cell_is_not_drawn() {
        assert!(cell("mobile", "k3").is_none());
        assert!(cell("nasbench201", "|none~0|").is_none());
    }
}
