//! What goes with an installed program: completions for the shell, man pages.

use clap::CommandFactory;
use clap::builder::Resettable;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use fewshot_nas::run::{RunError, create_folder, write_output};

use super::print;
use crate::args::flags::with_keys;
use crate::args::{Args, CompletionsArgs, ManArgs};
use crate::failure::Failure;

/// What man pages name in their last line.
const SOURCE: &str = concat!("fewshot ", env!("CARGO_PKG_VERSION"));

pub fn completions(args: CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "fewshot", &mut script);
    print(&String::from_utf8_lossy(&script))
}

pub fn man(args: ManArgs) -> Result<(), Failure> {
    // Each command has its own page; `fewshot help` has nothing to add to them.
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = args.out else {
        let (_, page) = page(&command)?;
        return print(&String::from_utf8_lossy(&page));
    };
    create_folder(&folder).map_err(RunError::from)?;
    let mut commands = vec![&command];
    let mut files = Vec::new();
    while let Some(command) = commands.pop() {
        let (name, page) = page(command)?;
        let path = folder.join(name);
        write_output(&path, &page, &[]).map_err(RunError::from)?;
        files.push(path.display().to_string());
        commands.extend(command.get_subcommands());
    }
    files.sort();
    print(&files.join("\n"))
}

/// File name and text of one command's page.
fn page(command: &clap::Command) -> Result<(String, Vec<u8>), Failure> {
    let after = command.get_after_help().map(ToString::to_string);
    // Left to clap_mangen, the lines of examples would be filled like prose.
    let man = Man::new(with_keys(command.clone()).after_help(Resettable::Reset)).source(SOURCE);
    let mut page = Vec::new();
    man.render(&mut page)?;
    if let Some(after) = after {
        let mut roff = Roff::new();
        roff.control("SH", ["NOTES"]).control("nf", []);
        after.lines().for_each(|line| {
            roff.text([roman(line)]);
        });
        page.extend(roff.control("fi", []).to_roff().into_bytes());
    }
    Ok((man.get_filename(), page))
}
