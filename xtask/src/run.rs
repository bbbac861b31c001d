//! Running other programs: their output passes through, their standard input is closed, their failure is an error.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// A command that starts in the root of the checkout and reads nothing.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace::root()).stdin(Stdio::null());
    command
}

/// Cargo, the one that runs this program where there is one.
pub(crate) fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs to the end; an exit status other than 0 is an error that names the command.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs to the end and gives its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let done =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("start `{}`", shown(command)))?;
    if !done.status.success() {
        bail!("`{}` ended with {}", shown(command), done.status);
    }
    String::from_utf8(done.stdout).with_context(|| format!("read the output of `{}`", shown(command)))
}

/// Runs to the end and gives the exit code (none when a signal ended it) and standard output.
pub(crate) fn code_and_output(command: &mut Command) -> Result<(Option<i32>, String)> {
    let done =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("start `{}`", shown(command)))?;
    Ok((done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned()))
}

/// The command as a person would type it, from the root of the checkout.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.strip_prefix(workspace::root()).unwrap_or(program);
    let name =
        if name.is_absolute() { Path::new(name.file_name().unwrap_or(name.as_os_str())) } else { name };
    let mut words = vec![name.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named_in_the_error() {
        let err = check(command("sh").args(["-c", "exit 3"])).unwrap_err().to_string();
        assert!(err.contains("`sh -c exit 3`") && err.contains('3'), "{err}");
    }

    #[test]
    fn a_missing_program_is_named_in_the_error() {
        let err = check(&mut command("no-such-program-here")).unwrap_err().to_string();
        assert_eq!(err, "start `no-such-program-here`");
    }

    #[test]
    fn output_and_code_arrive() {
        assert_eq!(output(command("echo").arg("a")).unwrap(), "a\n");
        let (code, text) = code_and_output(command("sh").args(["-c", "echo b; exit 77"])).unwrap();
        assert_eq!((code, text.as_str()), (Some(77), "b\n"));
    }
}
