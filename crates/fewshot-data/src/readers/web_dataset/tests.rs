//! Tests of `web_dataset.rs`.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::load::Content;

/// A file in an archive: name, bytes.
type Member<'a> = (&'a str, &'a [u8]);
/// An image: class, bytes.
type Image = (String, Vec<u8>);

fn builder(members: &[Member]) -> tar::Builder<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder
}

struct Made {
    folder: tempfile::TempDir,
    path: PathBuf,
}

fn made(bytes: &[u8]) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.tar");
    fs::write(&path, bytes).unwrap();
    Made { folder, path }
}

fn archive(members: &[Member]) -> Made {
    made(&builder(members).into_inner().unwrap())
}

/// Classes, and of each image its class and bytes; also the notes.
fn read_with(path: &Path, options: &OpenOptions) -> Result<(Vec<Image>, Vec<String>), DataError> {
    let Found { train, notes, .. } = WebDataset.read(path, options)?;
    let part = train.expect("a training part");
    let rows: Vec<u32> = (0..).zip(&part.labels).map(|(row, _)| row).collect();
    let mut images = Vec::new();
    part.images.visit(&rows, &mut |record| {
        let Content::Encoded(bytes) = record.content else { panic!("{}", record.place) };
        let class = part.classes[part.labels[images.len()] as usize].clone();
        images.push((class, bytes));
        Ok(())
    })?;
    Ok((images, notes))
}

fn read(path: &Path) -> Result<Vec<Image>, DataError> {
    read_with(path, &OpenOptions::default()).map(|(images, _)| images)
}

fn message(made: &Made) -> String {
    read(&made.path).unwrap_err().to_string()
}

#[test]
fn labels_lie_beside_images_in_every_published_way() {
    let long = format!("deep/{}/a.jpg", "folder".repeat(40));
    let cases: [(&[Member], &[Member]); 6] = [
        // Numbers, image before and after its label, upper-case extensions.
        (&[("a.jpg", b"1"), ("a.cls", b"0\n"), ("b.cls", b"1"), ("b.JPEG", b"2")], &[("0", b"1"), ("1", b"2")]),
        // A field of a description, a number or a name; `.cls` before it.
        (&[("a.json", br#"{"label": 7}"#), ("a.webp", b"1"), ("a.cls", b"3")], &[("3", b"1")]),
        (&[("a.jpg", b"1"), ("a.json", br#"{"cls": "cat", "label": null, "class": "dog"}"#)], &[]),
        // Folders, with dots in names that are no samples.
        (
            &[("x/cat/1.a.png", b"1"), ("x/cat/1.b.png", b"2"), ("x/dog/1.png", b"3"), ("x/dog/._1.png", b"4")],
            &[("cat", b"1"), ("cat", b"2"), ("dog", b"3")],
        ),
        (&[("cat/a.jpg", b"1"), ("cat/a.txt", b"a cat"), ("cat/README", b"x")], &[("cat", b"1")]),
        (&[(&long, b"1")], &[(&"folder".repeat(40), b"1")]),
    ];
    for (number, (members, expected)) in cases.into_iter().enumerate() {
        let made = archive(members);
        if expected.is_empty() {
            // `label` is there, and says nothing.
            assert!(message(&made).contains("lacks its label"), "{number}");
            continue;
        }
        let expected: Vec<Image> =
            expected.iter().map(|(class, bytes)| ((*class).to_owned(), bytes.to_vec())).collect();
        assert_eq!(read(&made.path).unwrap(), expected, "case {number}");
    }
}

#[test]
fn names_of_python_archives_are_read() {
    let name = format!("Käfer/{}.jpg", "x".repeat(150));
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("mtime", b"1.5".as_slice()), ("path", name.as_bytes())]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_size(3);
    builder.append_data(&mut header, "cut/off", &b"123"[..]).unwrap();
    let made = made(&builder.into_inner().unwrap());
    assert_eq!(read(&made.path).unwrap(), [("Käfer".to_owned(), b"123".to_vec())]);
}

#[test]
fn columns_can_be_chosen() {
    let members: [Member; 4] =
        [("a.input.png", b"1"), ("a.mask.png", b"2"), ("a.cls", b"0"), ("a.json", br#"{"species": "ant"}"#)];
    let made = archive(&members);
    let ambiguous = message(&made);
    assert!(ambiguous.contains("`input.png`, `mask.png`") && ambiguous.contains("--image-column"), "{ambiguous}");
    let options = OpenOptions {
        image_column: Some("mask.png".into()),
        label_column: Some("species".into()),
        ..OpenOptions::default()
    };
    assert_eq!(read_with(&made.path, &options).unwrap().0, [("ant".to_owned(), b"2".to_vec())]);
}

#[test]
fn what_is_left_out_is_told() {
    let mut builder = builder(&[("cat/1.jpg", b"1"), ("cat/notes.cls", b"0"), ("dog/2.jpg", b"2")]);
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "cat/3.jpg", "1.jpg").unwrap();
    let made = made(&builder.into_inner().unwrap());
    let (images, notes) = read_with(&made.path, &OpenOptions::default()).unwrap();
    assert_eq!(images.len(), 2);
    assert!(notes.iter().any(|note| note.contains("1 links")), "{notes:?}");
    assert!(
        notes.iter().any(|note| note.contains("1 samples without an image") && note.contains("train.tar/cat/notes")),
        "{notes:?}"
    );
}

#[test]
fn damage_is_told_with_its_place() {
    let whole = builder(&[("cat/1.jpg", &[7; 1000]), ("dog/2.jpg", b"2")]).into_inner().unwrap();
    let says = |bytes: &[u8], words: &str| {
        let told = message(&made(bytes));
        assert!(told.contains("train.tar") && told.contains(words), "{words}: {told}");
    };
    says(&whole[..900], "cut off");
    says(&whole[..1536 + 100], "cut off");
    // All that is in it is whole, but not its end.
    says(&whole[..2560], "cut off");
    let mut flipped = whole.clone();
    flipped[1536 + 3] ^= 1;
    says(&flipped, "the header at byte 1536");
    says(&[&[0x1F, 0x8B][..], &whole].concat(), "gunzip");
    let mut huge = whole.clone();
    huge[124..136].copy_from_slice(b"77777777777\0");
    says(&huge, "");
    for (members, words) in [
        (&[("a.jpg", &b"1"[..])][..], "lacks its label: `a.cls`"),
        (&[("a.jpg", b"1"), ("a.cls", b" ")], "a.cls`: the label is empty"),
        (&[("a.jpg", b"1"), ("a.json", b"{")], "no JSON"),
        (&[("a.jpg", b"1"), ("a.json", br#"{"label": [1]}"#)], "the label is [1]"),
        (
            &[("a.jpg", b"1"), ("a.cls", b"1"), ("b.jpg", b"1"), ("b.cls", b"b")],
            "a name in one sample and a number in another",
        ),
    ] {
        let told = message(&archive(members));
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn an_archive_beside_class_folders_is_what_they_came_in() {
    let Made { folder, .. } = archive(&[("cat/1.jpg", b"1")]);
    assert!(WebDataset.detect(folder.path()));
    fs::create_dir(folder.path().join("cat")).unwrap();
    assert!(!WebDataset.detect(folder.path()));
}

#[test]
fn names_that_come_twice_are_numbered() {
    let names = ["crane", "dog", "crane"].map(str::to_owned).to_vec();
    assert_eq!(distinct(names), ["crane (0)", "dog", "crane (2)"]);
}

#[test]
fn images_are_read_in_runs() {
    let members: Vec<(String, Vec<u8>)> =
        (0..5).map(|number| (format!("c/{number}.jpg"), vec![number; 400_000])).collect();
    let members: Vec<Member> = members.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let made = archive(&members);
    let part = WebDataset.read(&made.path, &OpenOptions::default()).unwrap().train.unwrap();
    let runs = part.images.runs().unwrap();
    assert_eq!(runs, [Run { rows: 0..3, bytes: 1_200_000 }, Run { rows: 3..5, bytes: 800_000 }]);
}
