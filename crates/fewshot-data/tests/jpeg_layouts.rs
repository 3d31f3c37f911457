//! Every usual layout of JPEG files against the pixels that libjpeg-turbo makes of them.
//!
//! The files were made by libjpeg-turbo 2.1.5: `cjpeg -quality 92 -sample A,B,C [-progressive] [-scans separate]`; each
//! `.png` holds what Pillow reads from the `.jpg` of its name.

use std::path::{Path, PathBuf};

use fewshot_data::{Shape, read_image};

const SHAPE: Shape = Shape { height: 33, width: 15, channels: 3 };
/// Decoders may round differently, in the transform and where colours are interpolated.
const ROUNDING: u8 = 4;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jpeg").join(name)
}

#[test]
fn pixels_are_those_of_libjpeg_turbo() {
    for sampling in ["420", "422", "440", "chroma-finer", "mixed"] {
        for scans in ["interleaved", "separate", "progressive"] {
            let read = |ending: &str| read_image(file(&format!("{sampling}-{scans}.{ending}")), SHAPE, None).unwrap();
            let (ours, theirs) = (read("jpg"), read("png"));
            let furthest = ours.iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(furthest <= Some(ROUNDING), "{sampling}, {scans}: {furthest:?} grey levels apart");
        }
    }
}
