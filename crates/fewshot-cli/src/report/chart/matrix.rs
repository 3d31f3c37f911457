//! A table of shares as shaded squares: what was taken for what.

use maud::{Markup, html};

use super::drawing::{Colour, WIDTH, fitted, nothing, px, svg};

/// Room for the names of rows.
const NAMES: f64 = 112.0;
/// Room for the numbers of columns.
const HEAD: f64 = 20.0;
/// Side of a square at most.
const LARGEST: f64 = 27.0;
/// Side of a square from which on there is room for a count in it.
const ROOMY: f64 = 19.0;

/// Counts by row and column, both of which stand for the same things.
pub struct Matrix<'a> {
    /// Names of the rows and, by number, of the columns.
    pub names: &'a [String],
    /// Rows of counts, as many as there are names, each as long.
    pub counts: &'a [Vec<u64>],
    /// What it shows, for those who cannot see it.
    pub alt: &'a str,
}

impl Matrix<'_> {
    /// Each square is the darker, the larger its share of its row; the diagonal has a colour of its own.
    pub fn draw(&self) -> Markup {
        if self.names.is_empty() {
            return nothing();
        }
        let side = ((WIDTH - NAMES) / self.names.len() as f64).min(LARGEST);
        let at = |index: usize| index as f64 * side;
        let content = html! {
            @for column in 0..self.names.len() {
                text.tick x=(px(NAMES + at(column) + side / 2.0)) y=(px(HEAD - 6.0)) text-anchor="middle" { (column) }
            }
            @for (row, (name, counts)) in self.names.iter().zip(self.counts).enumerate() {
                @let sum = counts.iter().sum::<u64>().max(1) as f64;
                @let middle = HEAD + at(row) + side / 2.0 + 4.5;
                text.name x=(px(NAMES - 6.0)) y=(px(middle)) text-anchor="end" {
                    (fitted(&format!("{name} {row}"), NAMES - 6.0)) title { (name) }
                }
                @for (column, &count) in counts.iter().enumerate() {
                    @let colour = if row == column { Colour::of(0) } else { Colour::of(1) };
                    rect.heat.(colour.class()) x=(px(NAMES + at(column))) y=(px(HEAD + at(row))) width=(px(side - 1.0))
                        height=(px(side - 1.0)) style=(format!("fill-opacity:{:.2}", 0.06 + 0.74 * count as f64 / sum)) {
                        title { (name) " given as " (self.names.get(column).map_or("", String::as_str)) ": " (count) }
                    }
                    @if side >= ROOMY && count > 0 {
                        text.count x=(px(NAMES + at(column) + (side - 1.0) / 2.0)) y=(px(middle - 1.0))
                            text-anchor="middle" { (count) }
                    }
                }
            }
        };
        svg(HEAD + at(self.names.len()), self.alt, &content)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn there_is_a_square_for_every_pair_and_a_count_where_there_is_room() {
        let names = ["a<b>".to_string(), "c".to_string()];
        let counts = [vec![4, 1], vec![0, 0]];
        let drawn = Matrix { names: &names, counts: &counts, alt: "two classes" }.draw();
        check(&drawn);
        assert_eq!((drawn.0.matches("<rect").count(), drawn.0.matches("class=\"count\"").count()), (4, 2));
        assert!(drawn.0.contains("a&lt;b&gt; given as c: 1") && drawn.0.contains("fill-opacity:0.65"), "{}", drawn.0);
        let names: Vec<String> = (0..40).map(|index| index.to_string()).collect();
        let drawn = Matrix { names: &names, counts: &vec![vec![1; 40]; 40], alt: "many" }.draw();
        check(&drawn);
        assert!(!drawn.0.contains("class=\"count\""));
        check(&Matrix { names: &[], counts: &[], alt: "none" }.draw());
    }
}
