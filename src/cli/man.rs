//! `mq-gateway man`: manual pages, made of the same texts as `--help`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::arguments::Arguments;
use super::failure::Failure;
use super::new_files;

/// Prints the page of the program, or writes those of all commands.
pub(super) fn man(out: Option<&Path>) -> Result<u8, Failure> {
    let mut program = Arguments::command();
    program.build();
    let Some(directory) = out else {
        let page = page(&program, "mq-gateway")?;
        let written = io::stdout().write_all(page.as_bytes());
        return written.map(|()| 0).map_err(|error| Failure::bad(format!("could not write to stdout: {error}")));
    };
    let mut pages = Vec::new();
    collect(&program, "mq-gateway", directory, &mut pages)?;
    let files: Vec<_> = pages.iter().map(|(path, text)| (path.clone(), text.as_str())).collect();
    new_files::write(&files)?;
    Ok(0)
}

/// The page of a command, and those of the commands below it.
fn collect(command: &Command, name: &str, directory: &Path, pages: &mut Vec<(PathBuf, String)>) -> Result<(), Failure> {
    pages.push((directory.join(format!("{name}.1")), page(command, name)?));
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        collect(below, &format!("{name}-{}", below.get_name()), directory, pages)?;
    }
    Ok(())
}

fn page(command: &Command, name: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let source = concat!("mq-gateway ", env!("CARGO_PKG_VERSION"));
    let made = Man::new(command.clone()).title(name.to_uppercase()).source(source).render(&mut bytes);
    made.map_err(Failure::bad)?;
    String::from_utf8(bytes).map_err(Failure::bad)
}
