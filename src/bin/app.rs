//! Starts the page; all other code is in the library.

fn main() {
    console_error_panic_hook::set_once();
    kindling::page::app::start();
}
