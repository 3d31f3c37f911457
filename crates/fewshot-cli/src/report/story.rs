//! The part of a page that a kind of run has to itself.

use maud::Markup;

use super::page::Section;

/// What is particular to a kind of run.
pub struct Story {
    /// Heading of the page.
    pub title: String,
    /// What came out, in plain words, and the most important numbers; nothing for a run that has not ended.
    pub lead: Markup,
    /// Its sections.
    pub sections: Vec<Section>,
}
