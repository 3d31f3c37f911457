//! What is fuzzed: each target changes an input that is right, and gives it to a reader.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use fewshot_data::{OpenOptions, Shape, open, read_image};
use fewshot_nas::experiments::{HistoryEntry, Layers, Recipe, SearchResult, preset_names, preset_text};
use fewshot_nas::families::{self, OpenSpace, Skeleton};
use fewshot_nas::model::Model;
use fewshot_nas::model::{Card, Resize};
use fewshot_nas::nets::Net;
use fewshot_nas::run::{Checkpoint, RunFolder, RunReader};
use fewshot_nas::table::Table;
use fewshot_space::{Region, Space, random};
use rand::{Rng, RngExt};
use serde_json::json;

use crate::mutate::{mutate, sign_png};
use crate::support::{COLOUR, GREY, Tiny, encode_jpeg, encode_png, files, gzip, layouts};

/// One case: what it draws from, where it may write, and the inputs to begin with.
pub struct Case<'a, R: Rng> {
    pub rng: R,
    pub folder: &'a Path,
    pub seeds: &'a Seeds,
}

/// A reader under test; says whether the input was accepted.
pub struct Target<R: Rng> {
    pub name: &'static str,
    pub run: fn(&mut Case<'_, R>) -> bool,
}

/// All targets.
pub fn targets<R: Rng>() -> Vec<Target<R>> {
    vec![
        Target { name: "image", run: image },
        Target { name: "parquet", run: |case| data_set(case, |name| name.contains("parquet")) },
        Target { name: "archives", run: |case| data_set(case, |name| name.contains("archives")) },
        Target { name: "idx", run: |case| data_set(case, |name| name.contains("idx")) },
        Target { name: "cifar", run: |case| data_set(case, |name| name.contains("CIFAR")) },
        Target { name: "model", run: model },
        Target { name: "recipe", run: recipe },
        Target { name: "architecture", run: architecture },
        Target { name: "table", run: table },
        Target { name: "run", run },
    ]
}

/// Files by their places in a folder.
type Files = Vec<(PathBuf, Vec<u8>)>;

/// Inputs that are right.
pub struct Seeds {
    images: Vec<Vec<u8>>,
    /// Per layout, its name, and the files with their places below a folder.
    layouts: Vec<(&'static str, Files)>,
    models: Vec<Vec<u8>>,
    recipes: Vec<Vec<u8>>,
    architectures: Vec<Vec<u8>>,
    tables: Vec<Vec<u8>>,
    run: Vec<(PathBuf, Vec<u8>)>,
    spaces: Vec<OpenSpace>,
}

/// The files below a folder, with their places in it.
fn read_all(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let place = |path: &PathBuf| path.strip_prefix(folder).unwrap_or(path).to_path_buf();
    files(folder).iter().map(|path| (place(path), std::fs::read(path).unwrap_or_default())).collect()
}

impl Seeds {
    /// Makes them all; what cannot be made is a fault of this program.
    pub fn new() -> Self {
        let small = |shape: Shape| Tiny { train: Tiny::new(shape).train[..2].to_vec(), ..Tiny::new(shape) };
        let mut images = Vec::new();
        for shape in [COLOUR, GREY] {
            for (image, _) in small(shape).train {
                images.push(encode_png(&image, shape));
                images.push(encode_jpeg(&image, shape));
            }
        }
        images.extend(odd_images());
        images.extend(other_formats());
        images.extend(JPEG_LAYOUTS.map(<[u8]>::to_vec));
        let layouts = layouts().into_iter().map(|layout| {
            let (folder, _) = layout.make();
            (layout.name, read_all(folder.path()))
        });
        let spaces: Vec<OpenSpace> = families::names().into_iter().map(space).collect();
        let mut architectures = Vec::new();
        let mut tables = Vec::new();
        let mut models = Vec::new();
        for space in &spaces {
            let whole = Region::full(space.blueprint().clone());
            let archs: Vec<_> = (0..6)
                .map(|draw| whole.sample(&mut random::stream(1, "fuzz seeds", draw, 0)).expect("a space has members"))
                .collect();
            let texts: Vec<String> = archs.iter().map(|arch| space.blueprint().format(arch)).collect();
            let rows: Vec<String> = texts.iter().map(|text| format!("\"{text}\",91.5,\"7,5\"\n")).collect();
            tables.push(format!("arch,acc,loss\n{}", rows.concat()).into_bytes());
            tables.push(format!("arch;acc\r\n{};91,5\r\n{};12 %\r\n", texts[0], texts[1]).into_bytes());
            architectures.extend(texts.into_iter().map(String::into_bytes));
            let net = Net::standalone(space.blueprint().clone(), &archs[0], &Device::flex(), 1).expect("a network");
            let card = Card {
                format: Card::FORMAT,
                program: "0.1.0".to_string(),
                space: space.blueprint().name().to_string(),
                arch: space.blueprint().format(&archs[0]),
                skeleton: space.skeleton().clone(),
                classes: ["ant", "bee", "cat"].map(String::from).to_vec(),
                normalise: serde_json::from_value(json!({ "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2] }))
                    .expect("three channels"),
                ground: None,
                resize: Resize::CentreCropLanczos3,
                test_accuracy: Some(0.5),
                chosen_on_test: false,
                held_out_accuracy: None,
                epochs: Some(3),
            };
            models.push(Model::new(card, net).and_then(|model| model.to_bytes()).expect("a model"));
        }
        architectures.push(
            b"[(('skip_connect', 0),), (('none', 0), ('none', 1)), (('none', 0), ('none', 1), ('none', 2))]".to_vec(),
        );
        let recipes = preset_names().into_iter().filter_map(preset_text).map(|text| text.as_bytes().to_vec());
        Self {
            images,
            layouts: layouts.collect(),
            models,
            recipes: recipes.collect(),
            architectures,
            tables,
            run: run_folder(),
            spaces,
        }
    }
}

impl Default for Seeds {
    fn default() -> Self {
        Self::new()
    }
}

/// JPEG files that go to the other decoder.
const JPEG_LAYOUTS: [&[u8]; 3] = [
    include_bytes!("../../crates/fewshot-data/tests/jpeg/420-separate.jpg"),
    include_bytes!("../../crates/fewshot-data/tests/jpeg/chroma-finer-interleaved.jpg"),
    include_bytes!("../../crates/fewshot-data/tests/jpeg/chroma-finer-progressive.jpg"),
];

/// The same picture as WebP, BMP, GIF and TIFF.
fn other_formats() -> impl Iterator<Item = Vec<u8>> {
    use image::ImageFormat::{Bmp, Gif, Tiff, WebP};
    let picture = image::RgbaImage::from_fn(6, 5, |x, y| image::Rgba([40 * x as u8, 50 * y as u8, 90, 30 * x as u8]));
    [WebP, Bmp, Gif, Tiff].into_iter().map(move |format| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).expect("a picture of six by five");
        bytes.into_inner()
    })
}

/// Images of kinds that data sets hold less often.
fn odd_images() -> Vec<Vec<u8>> {
    let png = |colour: png::ColorType, depth: png::BitDepth, bytes: &[u8], interlaced: bool| {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, 4, 4);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        if colour == png::ColorType::Indexed {
            encoder.set_palette((0..48).collect::<Vec<u8>>());
            encoder.set_trns((0..16).collect::<Vec<u8>>());
        }
        if interlaced {
            // The encoder does not interlace; the flag alone leads readers there.
            encoder.set_compression(png::Compression::Fast);
        }
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(bytes).expect("its data");
        writer.finish().expect("an end");
        if interlaced {
            out[28] = 1;
            sign_png(&mut out);
        }
        out
    };
    use png::{BitDepth, ColorType};
    vec![
        png(ColorType::Rgba, BitDepth::Eight, &[7; 64], false),
        png(ColorType::GrayscaleAlpha, BitDepth::Sixteen, &[7; 64], false),
        png(ColorType::Rgb, BitDepth::Sixteen, &[7; 96], false),
        png(ColorType::Indexed, BitDepth::Four, &[0x12; 8], false),
        png(ColorType::Grayscale, BitDepth::One, &[0xa0; 4], false),
        png(ColorType::Rgb, BitDepth::Eight, &[7; 48], true),
    ]
}

/// A small space for images of 8x8 pixels.
fn space(name: &str) -> OpenSpace {
    let mut settings = families::family(name).expect("a listed name").settings();
    let cells = if name == "darts" { 3 } else { 1 };
    for (key, small) in [("width", 2), ("cells", cells)] {
        if families::is_count(&settings, key) {
            settings.insert(key.to_string(), small.into());
        }
    }
    families::open(name, Skeleton { settings, ..Skeleton::of_images([8, 8, 3], 3) }).expect("a small space")
}

/// The files of a run.
fn run_folder() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    let recipe = Layers::preset("quick").and_then(Layers::resolve).expect("a preset");
    let run = RunFolder::create(&path, &*recipe, &"0123".into()).expect("a run");
    let entry = json!({ "arch": "|none~0|", "score": 0.5, "macs": 1, "params": 2, "seconds": 0.25 });
    let history = run.open_history().expect("a history");
    (0..3).for_each(|_| history.append(&entry).expect("a line"));
    let result = json!({
        "arch": "|none~0|", "space": "cell1296", "score": 0.5, "finalists": [], "test_accuracy": 0.5,
        "random_test_accuracy_mean": null, "randoms": [{ "arch": "a", "test_accuracy": 0.5 }], "macs": 1, "params": 2,
        "evaluations": 3, "distinct": 3, "supernets": 1, "seconds": 1.5, "seed": 0
    });
    run.write_result(&result).expect("a result");
    drop(run);
    read_all(&path)
}

fn image<R: Rng>(case: &mut Case<'_, R>) -> bool {
    let mut bytes = pick(&mut case.rng, &case.seeds.images).clone();
    let other = pick(&mut case.rng, &case.seeds.images).clone();
    mutate(
        &mut case.rng,
        &mut bytes,
        &other,
        &[b"IDAT", b"PLTE", b"tRNS", b"eXIf", b"acTL", b"\xff\xc0", b"\xff\xda", b"\xff\xe1"],
    );
    if bytes.starts_with(b"\x89PNG") && case.rng.random_range(0..4) > 0 {
        sign_png(&mut bytes);
    }
    let path = case.write("image", &bytes);
    let channels = if case.rng.random() { 1 } else { 3 };
    read_image(path, Shape { height: 6, width: 5, channels }, None).is_ok()
}

/// A folder of one of the layouts whose name fits, with one of its files changed.
fn data_set<R: Rng>(case: &mut Case<'_, R>, fits: fn(&str) -> bool) -> bool {
    let fitting: Vec<_> = case.seeds.layouts.iter().filter(|(name, _)| fits(name)).collect();
    let (_, files) = *pick(&mut case.rng, &fitting);
    let changed = case.rng.random_range(0..files.len());
    for (index, (place, bytes)) in files.iter().enumerate() {
        let mut bytes = bytes.clone();
        if index == changed {
            let other = &pick(&mut case.rng, files).1;
            let is_gzip = bytes.starts_with(&[0x1f, 0x8b]) && case.rng.random();
            if is_gzip {
                let mut plain = Vec::new();
                let mut reader = std::io::Read::take(flate2::read::GzDecoder::new(&bytes[..]), 1 << 20);
                std::io::Read::read_to_end(&mut reader, &mut plain).expect("a whole file");
                mutate(&mut case.rng, &mut plain, &[], &[]);
                bytes = gzip(&plain);
            } else {
                mutate(&mut case.rng, &mut bytes, other, &[b"PAR1", b"huggingface", b"ClassLabel"]);
            }
        }
        case.write(place, &bytes);
    }
    let options = OpenOptions { image_size: Some((4, 4)), ..OpenOptions::default() };
    open(case.folder, &options).is_ok_and(|source| source.test.open().is_ok())
}

fn model<R: Rng>(case: &mut Case<'_, R>) -> bool {
    let mut bytes = pick(&mut case.rng, &case.seeds.models).clone();
    let other = pick(&mut case.rng, &case.seeds.models).clone();
    if case.rng.random() {
        mutate(&mut case.rng, &mut bytes, &other, &[b"\"F32\"", b"\"shape\":[", b"\"data_offsets\":["]);
    } else if let Some(changed) = resigned(case, &bytes) {
        bytes = changed;
    }
    let path = case.write("model.safetensors", &bytes);
    let Ok(mut model) = Model::open(&path, &Device::flex()) else { return false };
    let pixels = model.shape().bytes();
    // What is accepted must answer, or say why not.
    pixels > 1 << 16 || model.logits(&[vec![7; pixels]]).is_ok()
}

/// The model file with another card, under a checksum that is right.
fn resigned<R: Rng>(case: &mut Case<'_, R>, bytes: &[u8]) -> Option<Vec<u8>> {
    let path = case.write("whole.safetensors", bytes);
    let mut checkpoint = Checkpoint::load(&path).ok()?;
    let card = serde_json::to_vec(&checkpoint.meta).ok()?;
    for _ in 0..20 {
        let mut changed = card.clone();
        mutate(
            &mut case.rng,
            &mut changed,
            &card,
            &[b"\"format\":", b"null", b"[]", b"1e999", b"-1", b"4096", b"\"stages\""],
        );
        if let Ok(meta) = serde_json::from_slice(&changed) {
            checkpoint.meta = meta;
            break;
        }
    }
    if case.rng.random_range(0..4) == 0
        && let Some(name) = checkpoint.tensors.keys().next().cloned()
    {
        checkpoint.tensors.remove(&name);
    }
    checkpoint.to_bytes().ok()
}

fn recipe<R: Rng>(case: &mut Case<'_, R>) -> bool {
    let mut bytes = pick(&mut case.rng, &case.seeds.recipes).clone();
    let other = pick(&mut case.rng, &case.seeds.recipes).clone();
    let tokens: [&[u8]; 10] = [
        b"[[arms]]\n",
        b"base = \"quick\"\n",
        b"[space]\n",
        b"= -1\n",
        b"= 1e308\n",
        b"= 9223372036854775807\n",
        b"[",
        b"\"",
        b"nan",
        b"[recipe]\n",
    ];
    mutate(&mut case.rng, &mut bytes, &other, &tokens);
    let path = case.write("recipe.toml", &bytes);
    let presets = preset_names();
    let preset = presets[case.rng.random_range(0..presets.len())];
    Layers::preset(preset).and_then(|layers| layers.file(&path)).and_then(Layers::resolve).is_ok()
}

fn architecture<R: Rng>(case: &mut Case<'_, R>) -> bool {
    let mut bytes = pick(&mut case.rng, &case.seeds.architectures).clone();
    let other = pick(&mut case.rng, &case.seeds.architectures).clone();
    mutate(
        &mut case.rng,
        &mut bytes,
        &other,
        &[b"|", b"+", b"~0", b"none", b"nor_conv_3x3", b"=", b",", b"stem=", b"(", b"'"],
    );
    let text = String::from_utf8_lossy(&bytes);
    case.write("architecture", &bytes);
    let mut accepted = false;
    for space in &case.seeds.spaces {
        let space = space.blueprint();
        if let Ok(arch) = space.parse(&text) {
            let again = space.parse(&space.format(&arch)).expect("a text that the space wrote");
            assert_eq!(arch, again, "an architecture changes when it is written and read");
            let _ = (space.cost(&arch), space.structure(&arch));
            accepted = true;
        }
    }
    accepted
}

fn table<R: Rng>(case: &mut Case<'_, R>) -> bool {
    let index = case.rng.random_range(0..case.seeds.tables.len());
    let mut bytes = case.seeds.tables[index].clone();
    let other = pick(&mut case.rng, &case.seeds.tables).clone();
    let tokens: [&[u8]; 12] = [
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"sep=;\n",
        b";",
        b"\t",
        b"\"",
        b"\r",
        b",,,,",
        b"%",
        b"1.234,5",
        b"nan",
        b"arch",
    ];
    mutate(&mut case.rng, &mut bytes, &other, &tokens);
    let path = case.write("table.csv", &bytes);
    // Two tables of each space.
    let space: Arc<dyn Space> = case.seeds.spaces[index / 2].blueprint().clone();
    let read = Table::read(&path, &space, "acc");
    if let Ok(table) = &read {
        assert!(table.iter().all(|(_, value)| value.is_finite()), "a table holds what is no number");
    }
    read.is_ok()
}

fn run<R: Rng>(case: &mut Case<'_, R>) -> bool {
    let files = &case.seeds.run;
    let changed = case.rng.random_range(0..files.len());
    for (index, (place, bytes)) in files.iter().enumerate() {
        let mut bytes = bytes.clone();
        if index == changed {
            mutate(&mut case.rng, &mut bytes, &[], &[b"null", b"1e999", b"{}", b"[]", b"\n", b"\"", b"format = 1\n"]);
        }
        case.write(place, &bytes);
    }
    let Ok(run) = RunReader::open(case.folder) else { return false };
    let parts = [
        run.recipe::<Recipe>().is_ok(),
        run.result::<SearchResult>().is_ok(),
        run.events().is_ok(),
        run.history::<HistoryEntry>().is_ok(),
        run.seconds().is_ok(),
    ];
    parts.into_iter().all(|part| part)
}

fn pick<'s, T>(rng: &mut impl Rng, of: &'s [T]) -> &'s T {
    &of[rng.random_range(0..of.len())]
}

impl<R: Rng> Case<'_, R> {
    /// Writes an input into the case's folder, where it is found when the case fails.
    fn write(&self, place: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
        let path = self.folder.join(place);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a folder of our own");
        }
        std::fs::write(&path, bytes).expect("a file of our own");
        path
    }
}
