//! Ctrl-C and requests to end, but for the signals that whoever started this process has it ignore, as `nohup` does.

use crate::trouble::Trouble;

/// Calls the handler, in a thread of its own, for each signal to end.
pub fn set_handler(handler: impl FnMut() + Send + 'static) -> Result<(), Trouble> {
    let ignored = ignored();
    ctrlc::set_handler(handler).map_err(|error| Trouble::new(format!("Ctrl-C cannot be noticed: {error}.")))?;
    ignore(&ignored);
    Ok(())
}

#[cfg(unix)]
fn ignored() -> Vec<libc::c_int> {
    let is_ignored = |signal: &libc::c_int| {
        let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: no action is set, and the present one is written to memory of its type, which is read only after success.
        unsafe {
            libc::sigaction(*signal, std::ptr::null(), action.as_mut_ptr()) == 0
                && action.assume_init().sa_sigaction == libc::SIG_IGN
        }
    };
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP].into_iter().filter(is_ignored).collect()
}

#[cfg(unix)]
fn ignore(signals: &[libc::c_int]) {
    for signal in signals {
        // SAFETY: to ignore a signal runs no code.
        unsafe { libc::signal(*signal, libc::SIG_IGN) };
    }
}

/// Other systems have no such inheritance.
#[cfg(not(unix))]
fn ignored() {}

#[cfg(not(unix))]
fn ignore((): &()) {}
