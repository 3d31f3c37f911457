//! The trained network that a run ends with.

use fewshot_nas::export::ONNX;
use fewshot_nas::model::MODEL;
use maud::html;

use super::cell;
use super::numbers::grouped;
use super::page::{Section, arch, facts, figure};
use super::record::Record;

/// Of networks of normal and reduction cells.
const TWO_CELLS: &str = "A cell reads the outputs of the two before it, c_{k-2} and c_{k-1}. A node adds up what its edges bring; the \
                         nodes together are the cell's output. sep is twice ReLU, depthwise and 1×1 convolution and batch \
                         normalisation, dil once with gaps between its taps; max and avg are pooling.";

/// The trained network: its cell, its text and its cost.
pub fn section(record: &Record, space: &str, text: &str, macs: u64, params: u64) -> Section {
    let note = "Every cell of the network is like this. A node adds up what its edges bring; max and avg are 3×3 pooling, conv \
                is ReLU, convolution and batch normalisation. Dashed edges carry nothing to the output.";
    let cells = cell::cells(space, text);
    let note = if cells.len() > 1 { TWO_CELLS } else { note };
    let files = [MODEL, ONNX].into_iter().filter(|file| record.run.path().join(file).exists());
    let rows = [
        ("Architecture", arch(text)),
        ("Space", html! { (space) }),
        ("Parameters", html! { (grouped(params)) }),
        ("Multiply-adds per image", html! { (grouped(macs)) }),
        ("Trained weights", html! { @for file in files { code { (file) } ", " } "in the folder of the run" }),
    ];
    let body = html! {
        div.figures {
            @for (index, (title, drawing)) in cells.iter().enumerate() { (figure(title, if index == 0 { note } else { "" }, drawing)) }
            (facts(&rows))
        }
    };
    Section { title: "The network", body }
}
