use crate::{cell, nasbench, toys};
use fewshot_space::{Arch, CellSpace, Region, Space};
use proptest::prelude::*;

/// The list of tuples that Python prints.
fn python(space: &CellSpace, arch: &Arch) -> String {
    let mut nodes: Vec<Vec<String>> = vec![Vec::new(); space.nodes() - 1];
    for (index, edge) in space.edges().iter().enumerate() {
        nodes[edge.to - 1].push(format!("('{}', {})", space.op(arch, index).name(), edge.from));
    }
    let tuple = |ops: &Vec<String>| match ops.len() {
        1 => format!("({},)", ops[0]),
        _ => format!("({})", ops.join(", ")),
    };
    format!("[{}]", nodes.iter().map(tuple).collect::<Vec<_>>().join(", "))
}

#[test]
fn both_forms_of_every_architecture() {
    for space in [nasbench(), cell()] {
        for arch in Region::full(space.clone()).iter() {
            assert_eq!(space.parse(&space.format(&arch)).as_ref(), Ok(&arch));
            assert_eq!(space.parse(&python(&space, &arch)).as_ref(), Ok(&arch));
        }
    }
}

#[test]
fn published_examples() {
    let space = nasbench();
    let text = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|";
    let arch = space.parse(text).unwrap();
    assert_eq!(arch.options(), [3, 3, 3, 1, 2, 3]);
    assert_eq!(space.format(&arch), text);
    let text = "[(('none', 0),), (('none', 0), ('none', 1)), (('none', 0), ('none', 1), ('none', 2))]";
    assert_eq!(space.parse(text).unwrap().options(), [0; 6]);
    assert_eq!(python(&space, &Arch::new(vec![0; 6])), text);
    // JSON readers hand over double quotes, people put blanks.
    assert_eq!(space.parse(&text.replace('\'', "\"")).unwrap().options(), [0; 6]);
    assert_eq!(space.parse(" | none ~ 0 | + |none~0|none~1|+|none~0|none~1|none~2|\n").unwrap().options(), [0; 6]);
}

#[test]
fn cell1296_writes_only_its_edges() {
    let space = cell();
    let arch = Arch::new(vec![3, 1, 0, 4]);
    let text = "|nor_conv_3x3~0|+|skip_connect~1|+|none~0|avg_pool_3x3~2|";
    assert_eq!(space.format(&arch), text);
    assert_eq!(space.parse(text), Ok(arch));
}

/// The error for a text, without the text itself at its end.
fn error(space: &dyn Space, text: &str) -> String {
    let message = space.parse(text).expect_err("not an architecture").to_string();
    let (problem, _) = message.rsplit_once(" of `").expect("the text ends the message");
    problem.to_string()
}

#[test]
fn errors_say_what_and_where() {
    let space = nasbench();
    let error = |text: &str| error(space.as_ref(), text);
    let prefix = "not an architecture of nasbench201: ";
    assert_eq!(
        error("|nor_conv_3x3~0|+|nor_conv3x3~0|none~1|+|none~0|none~1|none~2|"),
        format!("{prefix}decision e1 has no option `nor_conv3x3`; did you mean `nor_conv_3x3`?, at character 19")
    );
    assert_eq!(
        error("|max_pool_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"),
        format!("{prefix}decision e0 has no option `max_pool_3x3`; did you mean `avg_pool_3x3`?, at character 2")
    );
    assert_eq!(
        error("|none~0|+|none~0|none~0|+|none~0|none~1|none~2|"),
        format!("{prefix}expected 1, the node that e2 reads, found `0`, at character 23")
    );
    assert_eq!(
        error("|none~0|+|none~0|none~1|"),
        format!("{prefix}expected `+` (the next node), found the end, at character 25")
    );
    assert_eq!(error(""), format!("{prefix}expected `|` (a node), found the end, at character 1"));
    assert_eq!(
        error("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|x"),
        format!("{prefix}expected the end, found `x`, at character 48")
    );
    assert_eq!(
        error("|none~0|+|none~0|+|none~0|none~1|none~2|"),
        format!("{prefix}expected the operation on e2, found `+|none~0|none~1|none~2|`, at character 18")
    );
    assert_eq!(
        error("[(('none', 0)), (('none', 0), ('none', 1)), (('none', 0), ('none', 1), ('none', 3))]"),
        format!("{prefix}expected 2, the node that e5 reads, found `3`, at character 81")
    );
    assert_eq!(
        error("[(('none' 0),)]"),
        format!("{prefix}expected `,` (the operation's source), found `0),)]`, at character 11")
    );
    assert_eq!(
        error("[(('\u{e9}', 0),)]"),
        format!(
            "{prefix}decision e0 has no option `\u{e9}`; there are: none, skip_connect, nor_conv_1x1, nor_conv_3x3, \
             avg_pool_3x3, at character 5"
        )
    );
}

#[test]
fn a_wrong_file_does_not_fill_the_screen() {
    let message = nasbench().parse(&"\u{e9}".repeat(100_000)).unwrap_err().to_string();
    assert!(message.chars().count() < 400, "{message}");
}

#[test]
fn assignments_in_any_order() {
    let space = toys::nested();
    let arch = space.parse("d=1, a = 2,e=3,b=1,c=2").unwrap();
    assert_eq!(arch.options(), [2, 1, 2, 1, 3, 0]);
    assert_eq!(space.format(&arch), "a=2,b=1,c=2,d=1,e=3");
    // Inert decisions may be given, and then say nothing.
    assert_eq!(space.parse("a=0,b=1,c=2,d=1").unwrap().options(), [0, 0, 0, 1, 0, 0]);

    let error = |text: &str| error(space.as_ref(), text);
    let prefix = "not an architecture of nested: ";
    assert_eq!(error("a=0,d=0"), format!("{prefix}decision f is missing, at character 8"));
    assert_eq!(error("a=0,d=1,a=1"), format!("{prefix}decision a is given twice, at character 9"));
    assert_eq!(error("a=0, d=7"), format!("{prefix}decision d has no option `7`; there are: 0, 1, at character 8"));
    assert_eq!(
        error("a=0,x=1"),
        format!("{prefix}there is no decision `x`; there are: a, b, c, d, e, f, at character 5")
    );
    assert_eq!(error("a=0,,d=1"), format!("{prefix}expected `decision=option`, found `,d=1`, at character 5"));
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*", bars in "[|~+0-3 a-z_]*", tuples in "[\\[\\]()', 0-3a-z_]*", pairs in "[a-f=,0-3 ]*") {
        for text in [text, bars, tuples, pairs] {
            for space in [nasbench() as std::sync::Arc<dyn Space>, cell(), toys::nested()] {
                if let Ok(arch) = space.parse(&text) {
                    prop_assert_eq!(space.validate(&arch), Ok(()));
                }
            }
        }
    }
}
