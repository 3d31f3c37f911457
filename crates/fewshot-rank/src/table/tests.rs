//! Reading, writing and joining, with faults of every kind in the file.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use fewshot_space::{Arch, Space, cell1296};
use tempfile::TempDir;

use super::{Table, TableError, write};
use crate::testing::{published, space};

const ZERO: &str = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|";
const SKIP: &str = "|skip_connect~0|+|none~0|none~1|+|none~0|none~1|none~2|";
/// The architecture of `SKIP` in the form of the released Python tables.
const SKIP_PYTHON: &str = "[(('skip_connect', 0),), (('none', 0), ('none', 1)), \
                           (('none', 0), ('none', 1), ('none', 2))]";

struct File {
    folder: TempDir,
    path: PathBuf,
}

fn file(bytes: impl AsRef<[u8]>) -> File {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, bytes).unwrap();
    File { folder, path }
}

/// The error of reading column `acc` of a file, without the folder's name.
fn error_of(bytes: impl AsRef<[u8]>) -> String {
    let file = file(bytes);
    let error = Table::read(&file.path, &space(), "acc").unwrap_err();
    let folder = format!("{}/", file.folder.path().display());
    error.to_string().replace(&folder, "")
}

#[test]
fn reads_text_forms_quotes_blanks_and_other_columns() {
    let file =
        file(format!("\u{feff}note,arch, acc ,more\r\n\"a, b\",{ZERO}, 10.5 ,\r\n,\"{SKIP_PYTHON}\",-1e2,x\r\n"));
    let space = space();
    let table = Table::read(&file.path, &space, "acc").unwrap();
    let texts: Vec<_> = (table.iter()).map(|(arch, value)| (space.format(arch), value)).collect();
    assert_eq!(texts, [(ZERO.to_owned(), 10.5), (SKIP.to_owned(), -100.0)]);
    assert_eq!((table.len(), table.is_empty()), (2, false));
    let skip = space.parse(SKIP).unwrap();
    assert_eq!(table.get(&skip), Some(-100.0));
    assert_eq!(table.lookup(&[skip.clone(), space.parse(ZERO).unwrap()]).unwrap(), [-100.0, 10.5]);
    let missing = Arch::new(vec![3; 6]);
    assert_eq!(table.get(&missing), None);
    let error = table.lookup(&[skip, missing]).unwrap_err().to_string();
    assert!(error.contains("`|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+"), "{error}");
    assert!(error.contains("not among the 2 of column `acc` of table `"), "{error}");
}

#[test]
fn an_architecture_of_another_space_is_unknown_not_a_panic() {
    let file = file(format!("arch,acc\n{ZERO},1\n"));
    let table = Table::read(&file.path, &space(), "acc").unwrap();
    for foreign in [Arch::new(vec![0; 4]), Arch::new(vec![9; 6]), Arch::new(Vec::new())] {
        assert_eq!(table.get(&foreign), None);
        assert!(matches!(table.lookup(&[foreign]), Err(TableError::Unknown { .. })));
    }
}

#[test]
fn faults_are_named_with_their_place() {
    let header = "arch,acc\n";
    assert_eq!(
        error_of(format!("arch,ac,true\n{ZERO},1,2\n")),
        "table `table.csv` has no column `acc`; did you mean `ac`?"
    );
    assert_eq!(
        error_of(format!("archi,acc\n{ZERO},1\n")),
        "table `table.csv` has no column `arch`; did you mean `archi`?"
    );
    assert_eq!(
        error_of(format!("arch,acc,acc\n{ZERO},1,2\n")),
        "table `table.csv` cannot have column `acc`: two columns have this name; rename one"
    );
    assert_eq!(
        error_of(format!("{header}{ZERO},1\n{SKIP},\n")),
        "table `table.csv`, line 3, column `acc`: the cell is empty: choose a column that is \
         filled, or leave the row out"
    );
    for bad in ["seven", "NaN", "inf", "1,5,0", "1.5 points"] {
        let error = error_of(format!("{header}{ZERO},\"{bad}\"\n"));
        assert_eq!(error, format!("table `table.csv`, line 2, column `acc`: `{bad}` is no finite number"));
    }
    assert_eq!(
        error_of(format!("{header}{SKIP},1\n{ZERO},1\n\"{SKIP_PYTHON}\",2\n")),
        "table `table.csv`, line 4, column `arch`: the same architecture stands on line 2: keep \
         one of the two"
    );
    let error = error_of(format!("{header}{ZERO},1\n|nane~0|+|,1\n"));
    assert!(error.starts_with("table `table.csv`, line 3, column `arch`: "), "{error}");
    assert!(error.contains("nane"), "{error}");
    let error = error_of(format!("{header},1\n"));
    assert!(error.contains("line 2, column `arch`: the cell is empty"), "{error}");
    assert_eq!(
        error_of(format!("{header}{ZERO},1\n{SKIP}\n")),
        "table `table.csv`, line 3: 1 cells where the header has 2"
    );
    let mut bytes = format!("{header}{ZERO},1\n").into_bytes();
    bytes.extend(b"\xff\x00,1\n");
    assert_eq!(error_of(bytes), "table `table.csv`, line 3: not UTF-8 text: is it a CSV file?");
    let no_rows = "table `table.csv` has no rows: expected a header line and one line per \
                   architecture";
    for empty in ["", "\n\n", header] {
        assert_eq!(error_of(empty), no_rows);
    }
    // Cut in the middle of a number or a cell, a file is refused or read as what is there; cut in
    // the middle of an architecture it is refused.
    let error = error_of(format!("{header}{ZERO},1\n\"{}", &SKIP[..20]));
    assert!(error.contains("line 3"), "{error}");
}

/// What is read of a file, with the notes, in the order of the file.
fn read(bytes: impl AsRef<[u8]>) -> (Vec<(String, f64)>, Vec<String>) {
    let file = file(bytes);
    let table = Table::read(&file.path, &space(), "acc").unwrap();
    let rows = table.iter().map(|(arch, value)| (space().format(arch), value)).collect();
    (rows, table.notes().to_vec())
}

#[test]
fn what_spreadsheets_write_is_read_and_told() {
    let expected = [(ZERO.to_string(), 91.25), (SKIP.to_string(), 7.5)];
    let utf16 = |text: &str| [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let cases: [(Vec<u8>, &[&str]); 8] = [
        (format!("\u{feff}arch;acc\r\n{ZERO};91,25\r\n{SKIP};7,5\r\n").into(), &["by `;`", "decimal comma"]),
        (format!("sep=;\r\narch;acc\r\n{ZERO};91,25\r\n{SKIP};7,5\r\n").into(), &["by `;`", "decimal comma"]),
        (format!("arch\tacc\n{ZERO}\t91.25\n{SKIP}\t7.5").into(), &["by tabs"]),
        (utf16(&format!("arch\tacc\r\n{ZERO}\t91.25\r\n{SKIP}\t7.5\r\n")), &["UTF-16", "by tabs"]),
        (format!("arch,acc,,\n{ZERO},91.25,,\n,,,\n\"{SKIP}\",\"7.5\",,\n,,,\n").into(), &["2 empty rows"]),
        (
            format!("\n Architecture , ACC \n{ZERO},91.25%\n{SKIP},7.5 %\n").into(),
            &["for `arch`", "for `acc`", "per cent"],
        ),
        (format!("arch,acc\n{ZERO},\"91,25\"\n{SKIP},\"7,5\"\n").into(), &["decimal comma"]),
        (
            [b"arch;gr\xf6\xdfe;acc\n", ZERO.as_bytes(), b";1;91.25\n", SKIP.as_bytes(), b";2;7.5\n"].concat(),
            &["8859-1", "`;`"],
        ),
    ];
    for (bytes, wanted) in cases {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (rows, notes) = read(bytes);
        assert_eq!(rows, expected, "{text}");
        assert_eq!(notes.len(), wanted.len(), "{text}: {notes:?}");
        for (note, wanted) in notes.iter().zip(wanted) {
            assert!(note.contains(wanted), "{text}: {notes:?}");
        }
    }
    // A plain file has nothing to tell.
    assert_eq!(read(format!("arch,acc\n{ZERO},91.25\n{SKIP},7.5\n")), (expected.to_vec(), Vec::new()));
}

#[test]
fn what_no_table_holds_is_refused() {
    assert!(error_of(b"PK\x03\x04....").contains("save it as CSV"));
    let error = error_of(format!("arch,acc\n{ZERO},\"12,345\"\n"));
    assert!(error.contains("column `acc`: `12,345` can be read in two ways"), "{error}");
    let error = error_of(format!("arch,acc\n{ZERO},1,2\n"));
    assert!(error.contains("line 2: 3 cells where the header has 2"), "{error}");
    let error = error_of(format!("arch,Acc,ACC\n{ZERO},1,2\n"));
    assert!(error.contains("two columns have this name"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let path = PathBuf::from("no/such/table.csv");
    let error = Table::read(&path, &space(), "acc").unwrap_err();
    assert!(error.to_string().starts_with("cannot read `no/such/table.csv`: "));
}

#[test]
fn written_tables_read_back_to_the_bit() {
    let file = file("old");
    let space: Arc<dyn Space> = Arc::new(cell1296::cell1296(cell1296::default_skeleton()));
    let archs: Vec<Arch> = (0..6).rev().map(|i| Arch::new(vec![i, 1, 5, 0])).collect();
    let seeds: Vec<f64> = (0..6).map(|i| 0.1 + f64::from(i) / 3.0).collect();
    let macs: Vec<f64> = archs.iter().map(|arch| space.cost(arch).macs as f64).collect();
    let columns: [(&str, &[f64]); 2] = [("seed 0, %", &seeds), ("macs", &macs)];
    write(&file.path, space.as_ref(), &archs, &columns).unwrap();
    for (name, values) in columns {
        let table = Table::read(&file.path, &space, name).unwrap();
        assert!(table.iter().map(|(arch, _)| arch).eq(&archs));
        assert!(table.iter().map(|(_, value)| value).eq(values.iter().copied()));
    }
    let text = fs::read_to_string(&file.path).unwrap();
    assert!(text.starts_with("arch,\"seed 0, %\",macs\n"), "{text}");
    assert!(text.contains(&format!(",{}\n", space.cost(&archs[0]).macs)), "{text}");
    assert_eq!(fs::read_dir(file.folder.path()).unwrap().count(), 1, "temporary file left");
}

#[test]
fn bad_tables_are_not_written() {
    let file = file("old");
    let space = space();
    let archs = [space.parse(ZERO).unwrap(), space.parse(SKIP).unwrap()];
    let refused = |archs: &[Arch], columns: &[(&str, &[f64])], expected: &str| {
        let error = write(&file.path, space.as_ref(), archs, columns).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(fs::read_to_string(&file.path).unwrap(), "old");
        assert_eq!(fs::read_dir(file.folder.path()).unwrap().count(), 1);
    };
    let two = [1.0, 2.0];
    refused(&archs, &[("a", &two[..1])], "column `a` has 1 values for 2 architectures");
    refused(&archs, &[("a", &two), ("a", &two)], "two columns have this name");
    refused(&archs, &[("arch", &two)], "two columns have this name");
    refused(&archs, &[("", &two)], "must not be empty");
    refused(&archs, &[("a", &[1.0, f64::NAN])], "line 3, column `a`: `NaN` is no finite number");
    let twice = [archs[0].clone(), archs[0].clone()];
    refused(&twice, &[("a", &two)], "line 3, column `arch`: it is there already");
    let foreign = [archs[0].clone(), Arch::new(vec![0; 4])];
    refused(&foreign, &[("a", &two)], "line 3, column `arch`: an architecture of nasbench201");

    // A folder in the file's place, and no folder to write into.
    let columns: [(&str, &[f64]); 1] = [("a", &two)];
    let folder = file.folder.path();
    for path in [folder.to_path_buf(), folder.join("none/table.csv"), PathBuf::from("/")] {
        let error = write(&path, space.as_ref(), &archs, &columns).unwrap_err();
        assert!(error.to_string().starts_with("cannot write `"), "{error}");
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
}

#[test]
fn entries_are_checked() {
    let mut table = Table::new(space(), "column `acc`");
    let arch = Arch::new(vec![0; 6]);
    table.insert(&arch, 3.0).unwrap();
    let error = table.insert(&arch, 4.0).unwrap_err().to_string();
    assert_eq!(error, format!("column `acc` cannot take architecture `{ZERO}`: it is there already"));
    let other = Arch::new(vec![1, 0, 0, 0, 0, 0]);
    let error = table.insert(&other, f64::INFINITY).unwrap_err().to_string();
    assert!(error.ends_with(": `inf` is no finite number"), "{error}");
    assert!(table.insert(&Arch::new(vec![0; 3]), 1.0).is_err());
    assert_eq!(table.len(), 1);
}

#[test]
fn joins_in_the_first_order_and_counts_the_rest() {
    let table = |title: &str, rows: &[(u8, f64)]| {
        let mut table = Table::new(space(), title);
        for &(option, value) in rows {
            table.insert(&Arch::new(vec![option, 0, 0, 0, 0, 0]), value).unwrap();
        }
        table
    };
    let left = table("left", &[(4, 0.4), (2, 0.2), (0, 0.0)]);
    let right = table("right", &[(0, 10.0), (1, 11.0), (4, 14.0), (3, 13.0)]);
    let joined = left.join(&right).unwrap();
    assert_eq!(joined.left, [0.4, 0.0]);
    assert_eq!(joined.right, [14.0, 10.0]);
    assert_eq!(joined.archs.iter().map(|arch| arch.get(0)).collect::<Vec<_>>(), [4, 0]);
    assert_eq!((joined.only_left, joined.only_right), (1, 2));

    let error = left.join(&table("other", &[(1, 1.0)])).unwrap_err().to_string();
    assert_eq!(error, "left and other have no architecture in common: nothing can be compared");
    let cells = Arc::new(cell1296::cell1296(cell1296::default_skeleton()));
    let error = left.join(&Table::new(cells, "cells")).unwrap_err().to_string();
    assert!(error.contains("space nasbench201, cells about cell1296"), "{error}");
}

#[test]
fn the_published_table_is_whole() {
    let Some(path) = published("the_published_table_is_whole") else {
        return;
    };
    let space = space();
    let truth = Table::read(&path, &space, "true_acc").unwrap();
    assert_eq!(truth.len(), 15_625);
    let best = truth.iter().map(|(_, value)| value).fold(0.0, f64::max);
    assert_eq!(best, 94.37);
    let macs = Table::read(&path, &space, "flops_m").unwrap();
    let params = Table::read(&path, &space, "params_m").unwrap();
    for (arch, millions) in macs.iter() {
        let cost = space.cost(arch);
        assert!((cost.macs as f64 / 1e6 - millions).abs() < 1e-6);
        assert!((cost.params as f64 / 1e6 - params.get(arch).unwrap()).abs() < 1e-6);
    }
    let error = Table::read(&path, &space, "train_seconds").unwrap_err().to_string();
    assert!(error.contains("line 2, column `train_seconds`: the cell is empty"), "{error}");
    let error = Table::read(&path, &space, "true_ac").unwrap_err().to_string();
    assert!(error.ends_with("has no column `true_ac`; did you mean `true_acc`?"), "{error}");
}
