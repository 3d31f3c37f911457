//! Charts as SVG inside the page, each a pure function of its data.
//!
//! All are [`drawing::WIDTH`] units wide and drawn with text of 13 units: on a phone's screen one unit is a little less than a
//! pixel, so that text stays readable without a second layout. Colours are classes that the page's style defines for
//! light and dark. What a chart cannot show (no data, NaN, nothing above 0 on a logarithmic axis) is left out.

mod axis;
mod bars;
mod drawing;
mod matrix;
mod tree;
mod xy;

pub use bars::{Bar, Bars};
#[cfg(test)]
pub use drawing::check;
pub use drawing::{COLOURS, Colour, Mark, px};
pub use matrix::Matrix;
pub use tree::{Node, tree};
pub use xy::{Dot, Scale, Series, Shape, Xy};
