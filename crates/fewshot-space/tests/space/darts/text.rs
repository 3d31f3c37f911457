//! Text forms.

use fewshot_space::darts::{CellDesign, PUBLISHED};
use fewshot_space::{DartsSpace, Space};
use proptest::prelude::*;

use super::{drawn, lanas, published, space};

const FEW_SHOT: &str = "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), \
    ('sep_conv_3x3', 1), ('sep_conv_3x3', 2), ('sep_conv_3x3', 0), ('sep_conv_3x3', 2), ('dil_conv_5x5', 0)], \
    normal_concat=range(2, 6), reduce=[('sep_conv_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1), \
    ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 3)], \
    reduce_concat=range(2, 6))";

#[test]
fn all_forms_of_one_architecture() {
    let space = space();
    let arch = published(&space, "few-shot");
    let text = "normal|skip_connect~0|sep_conv_3x3~1|+|sep_conv_3x3~0|sep_conv_3x3~1|+|sep_conv_3x3~0|sep_conv_3x3~2|+\
        |dil_conv_5x5~0|sep_conv_3x3~2|reduce|max_pool_3x3~0|sep_conv_3x3~1|+|max_pool_3x3~1|skip_connect~2|+\
        |max_pool_3x3~0|skip_connect~2|+|skip_connect~2|skip_connect~3|";
    assert_eq!(space.format(&arch), text);
    let parses = |text: &str| assert_eq!(space.parse(text).as_ref(), Ok(&arch), "{text}");
    parses(text);
    parses(&text.replace('|', " | "));
    parses(
        "normal|sep_conv_3x3~1|skip_connect~0|+|sep_conv_3x3~0|sep_conv_3x3~1|+|sep_conv_3x3~0|sep_conv_3x3~2|+\
        |dil_conv_5x5~0|sep_conv_3x3~2|reduce|max_pool_3x3~0|sep_conv_3x3~1|+|max_pool_3x3~1|skip_connect~2|+\
        |max_pool_3x3~0|skip_connect~2|+|skip_connect~3|skip_connect~2|",
    );
    parses(FEW_SHOT);
    parses(&FEW_SHOT.replace("range(2, 6)", "[2, 3, 4, 5]"));
    parses(&FEW_SHOT.replace("range(2, 6)", "[2,3,4,5,]"));
    parses(&FEW_SHOT.replace(' ', ""));
    parses(&FEW_SHOT.replace(' ', "\n  ").replace('\'', "\""));
    parses(&FEW_SHOT.replace("])", "],)").replace(")]", "),]"));
    parses(&space.python(&arch));
}

#[test]
fn random_architectures_in_both_forms() {
    for space in [space(), lanas()] {
        for arch in drawn(&space, 200, 8) {
            assert_eq!(space.parse(&space.format(&arch)).as_ref(), Ok(&arch));
            assert_eq!(space.parse(&space.python(&arch)).as_ref(), Ok(&arch));
            assert!(!space.format(&arch).contains([',', ' ', '"', '\'']), "it stands in tables");
        }
    }
}

/// The error for a text, without the text itself at its end.
fn error(space: &DartsSpace, text: &str) -> String {
    let message = space.parse(text).expect_err("not an architecture").to_string();
    let (problem, _) = message.rsplit_once(" of `").expect("the text ends the message");
    problem.strip_prefix("not an architecture of darts: ").expect("it names the space").to_string()
}

#[test]
fn errors_say_what_and_where() {
    let space = space();
    let error = |text: &str| error(&space, text);
    let ops = "max_pool_3x3, avg_pool_3x3, skip_connect, sep_conv_3x3, sep_conv_5x5, dil_conv_3x3, dil_conv_5x5";
    assert_eq!(
        error("normal|none~0|sep_conv_3x3~1|"),
        format!("expected an operation of node 2 of the normal cell (there are: {ops}), found `none`, at character 8")
    );
    assert_eq!(
        error("normal|skip_connect~0|sepconv_3x3~1|"),
        "expected an operation of node 2 of the normal cell (did you mean `sep_conv_3x3`?), found `sepconv_3x3`, \
         at character 23"
    );
    assert_eq!(
        error("normal|skip_connect~0|sep_conv_3x3~2|"),
        "node 2 of the normal cell reads 2: it can read 0 to 1, at character 23"
    );
    assert_eq!(
        error("normal|skip_connect~0|sep_conv_3x3~0|"),
        "node 2 of the normal cell reads 0 twice: its two operations need different inputs, at character 23"
    );
    assert_eq!(
        error("normal|skip_connect~0|sep_conv_3x3~1|reduce"),
        "expected `+` (node 3 of the normal cell), found `reduce`, at character 38"
    );
    let reduction = PUBLISHED[0].1.replace("reduce|", "reduction|");
    let at = reduction.find("reduction").unwrap();
    assert_eq!(
        error(&reduction),
        format!("expected `reduce` (the reduce cell), found `{}...`, at character {}", &reduction[at..at + 24], at + 1)
    );
    assert_eq!(
        error(""),
        "expected `normal|`, `Genotype(` or the name of published cells (there are: darts-v1, darts-v2, \
        pc-darts, few-shot), found the end, at character 1"
    );
    assert_eq!(
        error(" darts_v2"),
        "expected `normal|`, `Genotype(` or the name of published cells (did you mean `darts-v2`?), \
        found `darts_v2`, at character 2"
    );
    assert!(error("amoebanet").starts_with("AmoebaNet is not in this space: it has five nodes, "));
    assert!(error("nasnet").starts_with("NASNet is not in this space: it has five nodes, "));
}

#[test]
fn errors_in_python_say_what_and_where() {
    let space = space();
    let error = |text: &str| error(&space, text);
    let with = |from: &str, to: &str| error(&FEW_SHOT.replacen(from, to, 1));
    let wrong = "expected range(2, 6): the output of a cell is always those states";
    assert_eq!(with("range(2, 6)", "range(3, 6)"), format!("{wrong}, found `range(3, 6)`, at character 201"));
    assert_eq!(with("range(2, 6)", "[4, 5, 6]"), format!("{wrong}, found `[4, 5, 6]`, at character 201"));
    assert_eq!(with("range(2, 6)", "[2, 4, 5]"), format!("{wrong}, found `[2, 4`, at character 201"));
    assert_eq!(
        with("('skip_connect', 0)", "('none', 0)").split_once(" (there").map(|(start, _)| start.to_string()),
        Some("expected an operation of node 2 of the normal cell".to_string())
    );
    assert_eq!(
        with(", ('dil_conv_5x5', 0)", ""),
        "expected `,` (the second operation of node 5 of the normal cell), found \
         `], normal_concat=range(2...`, at character 163"
    );
    assert_eq!(with("reduce=", "normal="), "the field normal is given twice, at character 214");
    assert_eq!(
        with("reduce=", "reduction="),
        "expected one of the fields normal, normal_concat, reduce, reduce_concat, found `reduction`, at character 214"
    );
    assert_eq!(error("Genotype(normal_concat=range(2, 6))"), "the normal cell is missing, at character 36");
    assert_eq!(
        with("('skip_connect', 0)", "('skip_connect', 99999999999999999999999)"),
        "expected the number of a state, found `99999999999999999999999`, at character 35"
    );
}

#[test]
fn cells_of_another_design_say_so() {
    let lanas = lanas();
    assert_eq!(lanas.skeleton().design, CellDesign::LaNas);
    assert_eq!(
        error(&lanas, "darts-v2"),
        "darts-v2 does not fit here: node 5 of the normal cell has dil_conv_3x3, which this space lacks; there are: \
         max_pool_3x3, skip_connect, sep_conv_3x3, sep_conv_5x5, at character 1"
    );
    assert!(error(&lanas, "darts-v1").contains("expected `+` (node 6 of the normal cell)"));
}

#[test]
fn a_wrong_file_does_not_fill_the_screen() {
    for start in ["", "normal|", "Genotype(", "Genotype(normal_concat="] {
        let message = space().parse(&format!("{start}{}", "\u{e9}".repeat(100_000))).unwrap_err().to_string();
        assert!(message.chars().count() < 600, "{message}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(
        text in "\\PC*",
        bars in "(normal|reduce|[|~+0-9 ]|sep_conv_3x3|skip_connect){0,40}",
        python in "Genotype\\((normal|reduce|_concat|range|[=\\[\\]()', 0-9]|sep_conv_3x3|skip_connect){0,40}",
    ) {
        for text in [text, bars, python] {
            for space in [space(), lanas()] {
                if let Ok(arch) = space.parse(&text) {
                    prop_assert_eq!(space.validate(&arch), Ok(()));
                }
            }
        }
    }

    /// A part of an architecture's text put in place of another part of it.
    #[test]
    fn no_damaged_text_panics(
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        length in 0..30_usize,
    ) {
        for text in [FEW_SHOT, PUBLISHED[0].1] {
            let (from, to) = (from.index(text.len()), to.index(text.len()));
            let piece = &text[from..(from + length).min(text.len())];
            let damaged = format!("{}{piece}{}", &text[..to], &text[(to + length).min(text.len())..]);
            match space().parse(&damaged) {
                Ok(arch) => prop_assert_eq!(space().validate(&arch), Ok(())),
                Err(error) => prop_assert!(error.column <= damaged.chars().count() + 1),
            }
        }
    }
}
