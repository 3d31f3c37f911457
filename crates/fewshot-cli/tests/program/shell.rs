//! What goes with an installed program: completions, man pages, help; and recipes, printed and checked.

use std::process::Stdio;

use crate::common::{failure, fewshot, files_in, program, run, said};

const COMMANDS: [&str; 21] = [
    "search",
    "train",
    "reproduce",
    "resume",
    "status",
    "cancel",
    "work",
    "report",
    "predict",
    "eval",
    "generate",
    "cost",
    "export",
    "rank",
    "data",
    "spaces",
    "strategies",
    "recipes",
    "bench",
    "completions",
    "man",
];

fn printed(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that `fewshot --help` lists.
fn listed() -> Vec<String> {
    let help = printed(&["--help"]);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let words = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    words.filter_map(|line| line.split_whitespace().next()).filter(|&word| word != "help").map(String::from).collect()
}

#[test]
fn every_command_is_completed_in_every_shell() {
    assert_eq!(listed(), COMMANDS);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        for command in COMMANDS {
            assert!(script.contains(command), "{shell} lacks {command}");
        }
        assert!(script.contains("max-params"), "{shell}");
    }
    let script = printed(&["completions", "bash"]);
    for command in COMMANDS {
        // One case of the script finds the command, another lists its flags.
        assert!(script.contains(&format!("fewshot,{command})")), "{command}");
        assert!(script.contains(&format!("fewshot__subcmd__{command})")), "{command}");
    }
    // Bash itself, where there is one, finds no fault in it.
    match std::process::Command::new("bash").args(["-n", "-c", &script]).output() {
        Ok(output) => assert!(output.status.success(), "{}", said(&output)),
        Err(error) => println!("the script was not parsed: no bash ({error})"),
    }
    let output = run(["completions", "tcsh"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

#[test]
fn every_command_has_a_man_page_and_its_help_has_examples() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("man1");
    let output = program(&[&"man", &"--out", &folder]);
    assert!(output.status.success(), "{}", said(&output));
    let files = files_in(&folder);
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), files.len());
    let page =
        |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    for command in COMMANDS {
        let (page, help) = (page(&format!("fewshot-{command}.1")), printed(&[command, "--help"]));
        assert!(page.contains(&format!(".TH fewshot-{command} 1")), "{page}");
        let example = help.lines().skip_while(|line| !line.starts_with("Example")).nth(1);
        let example = example.unwrap_or_else(|| panic!("{command}: {help}"));
        assert!(example.starts_with(&format!("  fewshot {command}")), "{example}");
        // Examples keep their lines.
        assert!(page.contains(".nf\n") && page.contains(".fi\n"), "{page}");
    }
    assert!(files.contains(&"fewshot-bench-ops.1".to_string()) && files.contains(&"fewshot-data-info.1".to_string()));
    // What a flag sets is said where there is room for it.
    for (command, key) in [("search", "search.budget"), ("train", "standalone.test"), ("reproduce", "ranking.seeds")] {
        let page = page(&format!("fewshot-{command}.1"));
        // Alone, or before others.
        let is_said = [")", ", "].iter().any(|end| page.contains(&format!("(sets {key}{end}")));
        assert!(is_said, "{command}: {key}");
    }
    assert_eq!(printed(&["man"]).trim_end(), page("fewshot.1").trim_end());

    let file = folder.join("fewshot.1");
    let text = failure(&program(&[&"man", &"--out", &file]), 1);
    assert!(text.contains("fewshot.1"), "{text}");
}

#[test]
fn a_pipe_that_nobody_reads_is_left_quietly() {
    for args in [vec!["completions", "bash"], vec!["man"], vec!["recipes", "show", "quick"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = fewshot(&args).stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn recipes_are_shown_and_checked() {
    assert_eq!(printed(&["recipes", "show", "quick"]), printed(&["recipes", "quick"]));
    for args in [vec!["recipes", "show", "quik"], vec!["recipes", "quik"]] {
        assert!(failure(&run(&args), 2).contains("did you mean `quick`?"), "{args:?}");
    }

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.toml");
    let check = |text: &str, preset: &str| {
        std::fs::write(&file, text).unwrap();
        program(&[&"recipes", &"check", &file, &"--preset", &preset])
    };
    let output = check("[search]\nbudget = 7\n", "paper");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"ok\n".as_slice()), "{}", said(&output));
    for (text, expected) in [
        ("[search]\n\nbudget = \"many\"\n", "line 3: search.budget: expected a whole number"),
        ("[search]\nstrategy = \"reaa\"\n", "line 2: search.strategy: no strategy `reaa`, did you mean `rea`?"),
        ("seed = 1\nsupernet.epochs = 0\n", "line 2: supernet.epochs = 0 is out of range: 1 to 1000000"),
        ("[serach]\n", "line 1: unknown key `serach`, did you mean `search`?"),
        ("seed = \n", "line 1: "),
    ] {
        let text = failure(&check(text, "quick"), 2);
        assert!(text.starts_with(&format!("fewshot: {}, {expected}", file.display())), "{text}");
    }
    assert!(failure(&check("", "quik"), 2).contains("did you mean `quick`?"));
    let gone = failure(&program(&[&"recipes", &"check", &dir.path().join("gone.toml")]), 2);
    assert!(gone.contains("gone.toml"), "{gone}");
}
