//! Files of every format, written by hand or by the crates that others write them with.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use fewshot_data::Shape;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

pub const CLASSES: [&str; 3] = ["ant", "bee", "cat"];

/// One image and its label.
pub type Labelled = (Vec<u8>, u32);

/// A Parquet file in the image layout, with every part open to mischief.
pub struct Parquet {
    /// Encoded images; `None` is null.
    pub images: Vec<Option<Vec<u8>>>,
    /// Labels; `None` is null.
    pub labels: Vec<Option<i64>>,
    /// Names of the image struct, its bytes and the label column.
    pub columns: [&'static str; 3],
    /// Class names in the metadata.
    pub names: Option<Vec<&'static str>>,
    pub compression: Compression,
    pub rows_per_group: usize,
}

impl Parquet {
    pub fn of(rows: &[Labelled], shape: Shape) -> Parquet {
        Parquet {
            images: rows.iter().map(|(image, _)| Some(encode_png(image, shape))).collect(),
            labels: rows.iter().map(|&(_, label)| Some(i64::from(label))).collect(),
            columns: ["img", "bytes", "label"],
            names: Some(CLASSES.to_vec()),
            compression: Compression::ZSTD(ZstdLevel::default()),
            rows_per_group: 4,
        }
    }

    pub fn write(&self, path: &Path) {
        let [image, bytes, label] = self.columns;
        let schema = format!(
            "message schema {{ optional group {image} {{ optional binary {bytes}; optional binary path (UTF8); }} \
             optional int64 {label}; }}"
        );
        let metadata = self.names.as_ref().map(|names| {
            let features =
                serde_json::json!({ image: { "_type": "Image" }, label: { "_type": "ClassLabel", "names": names } });
            let value = serde_json::json!({ "info": { "features": features } }).to_string();
            vec![KeyValue { key: "huggingface".into(), value: Some(value) }]
        });
        let properties = WriterProperties::builder().set_compression(self.compression).set_key_value_metadata(metadata);
        let schema = Arc::new(parse_message_type(&schema).unwrap());
        let file = fs::File::create(path).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties.build())).unwrap();
        let levels = |present: Vec<bool>, full: i16| -> Vec<i16> {
            present.into_iter().map(|present| if present { full } else { full - 1 }).collect()
        };
        for (images, labels) in self.images.chunks(self.rows_per_group).zip(self.labels.chunks(self.rows_per_group)) {
            let mut group = writer.next_row_group().unwrap();
            let values: Vec<ByteArray> = images.iter().flatten().cloned().map(ByteArray::from).collect();
            let present = levels(images.iter().map(Option::is_some).collect(), 2);
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&values, Some(&present), None).unwrap();
            column.close().unwrap();
            let paths: Vec<ByteArray> = images.iter().map(|_| ByteArray::from("a.png")).collect();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&paths, Some(&vec![2; paths.len()]), None).unwrap();
            column.close().unwrap();
            let values: Vec<i64> = labels.iter().flatten().copied().collect();
            let present = levels(labels.iter().map(Option::is_some).collect(), 1);
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<Int64Type>().write_batch(&values, Some(&present), None).unwrap();
            column.close().unwrap();
            group.close().unwrap();
        }
        writer.close().unwrap();
    }
}

/// Writes a Parquet file with these columns and no row.
pub fn write_columns(path: &Path, columns: &str) {
    let schema = Arc::new(parse_message_type(&format!("message schema {{ {columns} }}")).unwrap());
    let file = fs::File::create(path).unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    SerializedFileWriter::new(file, schema, properties).unwrap().close().unwrap();
}

/// An archive that is being written.
pub struct Tar(tar::Builder<Vec<u8>>);

impl Default for Tar {
    fn default() -> Tar {
        Tar(tar::Builder::new(Vec::new()))
    }
}

impl Tar {
    /// Each image with a file beside it, whose extension and text are those of its label.
    pub fn samples(images: &[Labelled], shape: Shape, label: impl Fn(u32) -> (&'static str, String)) -> Tar {
        let mut tar = Tar::default();
        for (number, (image, of_image)) in images.iter().enumerate() {
            let (extension, text) = label(*of_image);
            tar.add(&format!("{number:06}.png"), &encode_png(image, shape));
            tar.add(&format!("{number:06}.{extension}"), text.as_bytes());
        }
        tar
    }

    /// Longer names than a header has room for become entries of their own.
    pub fn add(&mut self, name: &str, bytes: &[u8]) {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        self.0.append_data(&mut header, name, bytes).unwrap();
    }

    pub fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }

    pub fn write(self, path: &Path) {
        fs::write(path, self.bytes()).unwrap();
    }
}

/// `prefix` is what comes before the label byte: the coarse label of CIFAR-100.
pub fn write_cifar(path: &Path, images: &[Labelled], prefix: &[u8]) {
    let mut bytes = Vec::new();
    for (image, label) in images {
        bytes.extend_from_slice(prefix);
        bytes.push(*label as u8);
        for channel in 0..3 {
            bytes.extend(image.iter().skip(channel).step_by(3));
        }
    }
    fs::write(path, bytes).unwrap();
}

pub fn write_idx(folder: &Path, part: &str, images: &[Labelled], shape: Shape, compress: bool) {
    let size = |number: usize| (number as u32).to_be_bytes();
    let mut pixels = [&[0, 0, 8, 3][..], &size(images.len()), &size(shape.height), &size(shape.width)].concat();
    let mut labels = [&[0, 0, 8, 1][..], &size(images.len())].concat();
    for (image, label) in images {
        pixels.extend(image);
        labels.push(*label as u8);
    }
    for (name, bytes) in [("images-idx3", pixels), ("labels-idx1", labels)] {
        let path = folder.join(format!("{part}-{name}-ubyte"));
        if compress {
            fs::write(path.with_extension("gz"), gzip(&bytes)).unwrap()
        } else {
            fs::write(path, bytes).unwrap()
        }
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn write_folders(folder: &Path, images: &[Labelled], shape: Shape) {
    for (number, (image, label)) in images.iter().enumerate() {
        let class = folder.join(CLASSES[*label as usize]);
        fs::create_dir_all(&class).unwrap();
        fs::write(class.join(format!("{number:03}.png")), encode_png(image, shape)).unwrap();
    }
}

pub fn encode_png(pixels: &[u8], shape: Shape) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, shape.width as u32, shape.height as u32);
    encoder.set_color(if shape.channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    bytes
}

pub fn encode_jpeg(pixels: &[u8], shape: Shape) -> Vec<u8> {
    let mut bytes = Vec::new();
    let colour = if shape.channels == 1 { jpeg_encoder::ColorType::Luma } else { jpeg_encoder::ColorType::Rgb };
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
    encoder.encode(pixels, shape.width as u16, shape.height as u16, colour).unwrap();
    bytes
}
