//! The rules of Raft as scripts: one text file a rule, each with commands and what is expected of them.
//!
//! A script drives several cores with a network and disks that do what it says, message by message. The files are in
//! `tests/rules/raft`; `script.rs` says how they are written. `SCHISM_REWRITE=1 cargo test -p schism-node --test rules`
//! replaces what is expected by what happens: read the difference before you believe it.

mod cluster;
mod command;
mod disk;
mod script;
mod show;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let rewrite = std::env::var_os("SCHISM_REWRITE").is_some();
    let trials = match files() {
        Ok(files) => files.into_iter().map(|file| trial(file, rewrite)).collect(),
        Err(error) => {
            let trial = Trial::test("the scripts can be read", move || Err(Failed::from(error)));
            vec![trial]
        }
    };
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn files() -> std::io::Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules/raft");
    let mut files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

fn trial(file: PathBuf, rewrite: bool) -> Trial {
    let name = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Trial::test(name, move || {
        let expected = fs::read_to_string(&file)?;
        let actual = script::perform(&expected)?;
        if actual == expected {
            return Ok(());
        }
        if rewrite {
            return Ok(fs::write(&file, actual)?);
        }
        Err(script::difference(&expected, &actual).into())
    })
}
